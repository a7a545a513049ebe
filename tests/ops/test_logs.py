"""Lines of the log: what machines and people read in them, and what never stands there."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from museo.access import context
from museo.access.calls import go_on_with_call, say_which_call
from museo.ops.logs import Json, Line
from notifications import log, tasks
from notifications.channels import webhook_wire
from notifications.models import Event


@pytest.fixture(autouse=True)
def call() -> Iterator[str]:
    yield context.begin("a-call-of-a-test")
    context.begin()


def record(message: str = "refund waits", **extra: Any) -> logging.LogRecord:
    return logging.makeLogRecord(
        {"name": "orders.refunds", "levelname": "WARNING", "msg": message, "created": 1.5, **extra}
    )


def test_a_machine_reads_who_called_by_what_and_what_it_is_about() -> None:
    context.is_called_by("user:7")
    context.is_called_over("storefront")

    line = json.loads(Json().format(record(refund="RF-1", tries=3, is_last=False, of={"a": 1})))

    assert line == {
        "timestamp": "1970-01-01T00:00:01.500Z",
        "level": "warn",
        "correlationId": "a-call-of-a-test",
        "userId": "user:7",
        "mcp": "storefront",
        "message": "refund waits",
        "metadata": {
            "logger": "orders.refunds",
            "refund": "RF-1",
            "tries": 3,
            "is_last": False,
            "of": "{'a': 1}",
        },
    }


def test_outside_of_a_call_nobody_is_named() -> None:
    context._correlation_id.set("")

    assert set(json.loads(Json().format(record()))) == {
        "timestamp",
        "level",
        "message",
        "metadata",
    }


def test_a_person_reads_what_it_is_about_behind_the_message() -> None:
    line = Line().format(record(refund="RF-1"))

    assert line.endswith(
        "WARNING orders.refunds refund waits correlationId=a-call-of-a-test refund=RF-1"
    )


def test_an_exception_is_one_line_for_machines() -> None:
    try:
        raise ValueError("told to anna@museum.example")
    except ValueError as error:
        failed = record(exc_info=(ValueError, error, error.__traceback__))

    text = Json().format(failed)

    assert "\n" not in text
    assert json.loads(text)["metadata"]["exception"].endswith("ValueError: told to [address]")


SECRETS = {
    "of an account": ("msk_5c0xabcdef_QmFzZTY0", "[secret]"),
    "of a webhook": ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "[secret]"),
    "an access token": ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmVk", "[secret]"),
    "a bearer": ("Authorization: Bearer abc.def", "Authorization: Bearer [secret]"),
    "a ticket": ("/orders/ORD-1?ticket=abc:def&after=3", "/orders/ORD-1?ticket=[secret]&after=3"),
    "a database's": (
        "postgres://museo:hunter2@db:5432/museo",
        "postgres://[secret]@db:5432/museo",
    ),
    "an e-mail address": (
        "550 no such user <anna.b@museum.example>",
        "550 no such user <[address]>",
    ),
    "a telephone": ("to +49 170 1234567 now", "to [address] now"),
}


@pytest.mark.parametrize("what", SECRETS)
@pytest.mark.parametrize("form", [Json(), Line()])
def test_what_opens_something_is_taken_out(what: str, form: logging.Formatter) -> None:
    said, stands = SECRETS[what]

    for line in (form.format(record(said)), form.format(record("failed", reason=said))):
        assert said not in line
        assert stands in line


def test_order_numbers_and_positions_stay() -> None:
    said = "ORD-7K2M-88 at 2026-11-26 12:00:00+00:00, position 1234567890, 3 + 4567890"

    assert said in Line().format(record(said))


# one name from the request to what it caused


@contextmanager
def running(**headers: Any) -> Iterator[Any]:
    """A task, as a worker runs it that got these headers."""
    tasks.deliver.push_request(**headers)
    try:
        yield tasks.deliver
    finally:
        tasks.deliver.pop_request()


def test_a_task_goes_on_with_the_call_that_asked_for_it() -> None:
    headers: dict[str, Any] = {}
    say_which_call(headers=headers)
    context.begin()
    with running(**headers) as task:
        go_on_with_call(task=task)

    assert context.correlation_id() == "a-call-of-a-test"


def test_what_the_clock_asks_for_is_a_call_of_its_own() -> None:
    with running() as task:
        go_on_with_call(task=task)

    assert context.correlation_id() not in ("", "a-call-of-a-test")


@pytest.mark.django_db(transaction=True)
def test_an_event_and_its_deliveries_say_which_call_they_came_of() -> None:
    with log.change() as change:
        change.event("order.ORD-1", "order.noted", {}, at=datetime.now(UTC))

    event = Event.objects.get(topic="order.ORD-1")
    assert event.call == "a-call-of-a-test"
    assert webhook_wire.place(event)["x-correlation-id"] == "a-call-of-a-test"


@pytest.mark.django_db
def test_a_request_is_written_down_by_its_route(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="museo.ops.requests")

    Client().get("/api/v1/orders/ORD-SECRET/track?ticket=opens-it")

    (written,) = [each for each in caplog.records if each.name == "museo.ops.requests"]
    about = vars(written)
    assert (about["method"], about["status"]) == ("GET", 404)
    assert "ORD-SECRET" not in Line().format(written)
    assert "opens-it" not in Line().format(written)
