"""Many at once: nothing is sold twice, no step is taken twice. Each race has a twin that loses."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count, cycle
from threading import Event as Signal
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.test.utils import CaptureQueriesContext

from catalog import stock
from catalog.models import StockItem
from catalog.stock import OutOfStock
from museo import sql
from museo.access import idempotency
from museo.access.callers import BASKET_COOKIE, BASKET_HEADER, Caller
from museo.access.idempotency import Answer, KeyInFlight
from museo.access.problems import Problem
from museo.wsgi import application
from notifications import log
from notifications.models import Event
from orders import (
    adjustments,
    baskets,
    checkout,
    delays,
    deliveries,
    lateness,
    lifecycle,
    offers,
    outcomes,
    services,
    tracking,
)
from orders.contents import Contents
from orders.details import Details
from orders.holds import CheckoutInProgress
from orders.models import Order, OrderStep, Payment
from orders.payments import demo, settlement
from orders.payments.charges import Outcome
from orders.services import TakenStep
from orders.tracking import Placed
from tests.orders.conftest import FORM, PURCHASE, SellLamp
from tests.processes import eventually
from tests.together import at_once

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both]

# how a buyer fared: BOUGHT, or the code of the refusal
Buyer = Callable[[], str]
BOUGHT = "bought"
CSRF = "c" * 32
ONLY_POSTGRESQL = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite has one writer at a time"
)
STOCK_GUARDS = {"reserved_not_above_stock", "stock_not_negative"}


@pytest.fixture
def is_long(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--long"))


@pytest.fixture
def rounds(is_long: bool) -> range:
    return range(20 if is_long else 2)


@pytest.fixture
def crowd(is_long: bool) -> tuple[int, int]:
    """How many want a lamp, and how many lamps there are."""
    return (200, 50) if is_long else (50, 10)


@pytest.fixture
def _long_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a connection gets one in the end: how fast a machine is is not tested here."""
    if connection.vendor == "postgresql":
        # one of PostgreSQL's alone, so the stubs know of none
        pool = connection.pool  # type: ignore[attr-defined]
        monkeypatch.setattr(pool, "timeout", 120)


@pytest.fixture
def without_stock_constraints() -> Iterator[None]:
    """The last line of defence taken away, so that a twin can show what the first one does."""
    kept = StockItem._meta.constraints
    guards = [guard for guard in kept if guard.name in STOCK_GUARDS]
    triggers = _triggers_of(StockItem)
    for guard in guards:
        StockItem._meta.constraints = [
            other for other in StockItem._meta.constraints if other is not guard
        ]
        with connection.schema_editor() as editor:
            editor.remove_constraint(StockItem, guard)
    yield
    StockItem.objects.all().update(on_hand=0, reserved=0)
    for guard in guards:
        StockItem._meta.constraints = [*StockItem._meta.constraints, guard]
        with connection.schema_editor() as editor:
            editor.add_constraint(StockItem, guard)
    StockItem._meta.constraints = kept
    with connection.cursor() as cursor:
        for text in triggers:
            cursor.execute(text)


def _triggers_of(model: Any) -> list[str]:
    """Those that are lost on SQLite, where another constraint is another table."""
    if connection.vendor != "sqlite":
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s",
            [model._meta.db_table],
        )
        return [text for (text,) in cursor.fetchall()]


def visitor(**options: Any) -> httpx.Client:
    """Somebody who calls the shop over HTTP, in this process."""
    server = httpx.WSGITransport(application)
    return httpx.Client(transport=server, base_url="http://127.0.0.1", **options)


def by_page(token: str, details: Details, now: datetime) -> str:
    cookies = {BASKET_COOKIE: token, settings.CSRF_COOKIE_NAME: CSRF}
    with visitor(cookies=cookies, headers={"X-CSRFToken": CSRF}) as browser:
        page = browser.post("/checkout", data={**FORM, "key": token})
    if page.status_code == 302:
        assert page.headers["Location"].startswith("/orders/ORD-")
        return BOUGHT
    assert page.status_code == 409, page.text
    assert "sold out" in page.text
    return OutOfStock.code


def by_rest(token: str, details: Details, now: datetime) -> str:
    answer = checkout_by_rest(token, key=token)
    return BOUGHT if answer.status_code == 201 else refusal(answer)


def checkout_by_rest(token: str, *, key: str, **changed: str) -> httpx.Response:
    headers = {BASKET_HEADER: token, "Idempotency-Key": key}
    with visitor(headers=headers) as program:
        return program.post("/api/v1/orders/checkout", json={**PURCHASE, **changed})


def refusal(answer: httpx.Response) -> str:
    """The code of a refusal as REST words it."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert answer.status_code == problem["status"] == 409, problem
    assert problem["detail"]
    return str(problem["code"])


def by_service(token: str, details: Details, now: datetime) -> str:
    try:
        checkout.place(Caller(basket_token=token), details, now=now, speed=1.0)
    except Problem as refused:
        return refused.code
    return BOUGHT


def with_a_lamp(now: datetime) -> str:
    """The token of a guest's basket with one lamp in it."""
    return baskets.add(Caller(), sku="LAMP", quantity=1, now=now).token


def buyers(count: int, details: Details, now: datetime) -> list[Buyer]:
    """Guests with one lamp each in the basket, ready to pay: by page, REST and service in turn."""
    faces = cycle([by_page, by_rest, by_service])
    return [partial(next(faces), with_a_lamp(now), details, now) for _ in range(count)]


@pytest.mark.usefixtures("_long_queue")
def test_buyers_of_the_last_lamps_get_them_and_the_others_a_refusal(
    sell: SellLamp, details: Details, noon: datetime, rounds: range, crowd: tuple[int, int]
) -> None:
    people, left = crowd
    lamp = sell()
    for number in rounds:
        wanting = buyers(people, details, noon)
        StockItem.objects.filter(variant=lamp).update(on_hand=left)

        told = Counter(at_once(wanting))

        assert told == {BOUGHT: left, OutOfStock.code: people - left}
        assert Order.objects.count() == left * (number + 1)
        item = StockItem.objects.get(variant=lamp)
        assert (item.on_hand, item.reserved) == (0, 0)
        # the next ones can put one into their baskets again
        StockItem.objects.filter(variant=lamp).update(on_hand=left)


def test_without_the_condition_the_same_buyers_are_sold_too_many(
    sell: SellLamp,
    details: Details,
    noon: datetime,
    monkeypatch: pytest.MonkeyPatch,
    without_stock_constraints: None,
) -> None:
    left = 5
    sell(on_hand=left)
    wanting = buyers(20, details, noon)

    def take_blindly(units: Sequence[tuple[int, int]]) -> list[int]:
        return [
            StockItem.objects.filter(pk=pk).update(on_hand=F("on_hand") - quantity)
            for pk, quantity in units
        ]

    monkeypatch.setattr(stock, "_take", take_blindly)
    monkeypatch.setattr(Contents, "short", {})
    at_once(wanting)

    assert Order.objects.count() > left


def patient(token: str, *, key: str) -> httpx.Response:
    """A client that comes again when it is told to, up to ten times."""
    for _ in range(10):
        answer = checkout_by_rest(token, key=key)
        if answer.status_code != KeyInFlight.status or refusal(answer) != KeyInFlight.code:
            return answer
        # what the shop asks of its clients is a part of what is tested
        time.sleep(float(answer.headers["Retry-After"]))
    return answer


@pytest.mark.usefixtures("_long_queue")
def test_a_hundred_with_one_key_get_one_order_and_the_same_answer(
    sell: SellLamp, noon: datetime
) -> None:
    sell(on_hand=1000)
    token = with_a_lamp(noon)

    answers = at_once([partial(patient, token, key="k")] * 100)

    [(status, said)] = distinct(answers)
    assert status == 201
    assert Order.objects.get().number in said
    assert Payment.objects.get().state == Payment.State.CAPTURED
    other = checkout_by_rest(token, key="k", name="Sam")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")
    assert Order.objects.count() == 1


def test_without_their_key_they_get_different_answers(
    sell: SellLamp, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(on_hand=1000)
    token, numbers = with_a_lamp(noon), count()

    def under_another(work: Any, *, key: str, **options: Any) -> Answer:
        return idempotency.once(work, key=f"{key}-{next(numbers)}", **options)

    monkeypatch.setattr(checkout, "once", under_another)
    answers = at_once([partial(patient, token, key="k")] * 10)

    assert len(distinct(answers)) > 1


def distinct(answers: list[httpx.Response | Exception]) -> set[tuple[int, str]]:
    """What there was of statuses and bodies."""
    failed = [answer for answer in answers if isinstance(answer, Exception)]
    assert not failed, failed
    return {(answer.status_code, answer.text) for answer in answers}  # type: ignore[union-attr]


def test_two_clicks_without_a_key_buy_once_too(
    sell: SellLamp, details: Details, noon: datetime, rounds: range
) -> None:
    sell(on_hand=1000)
    for number in rounds:
        token = with_a_lamp(noon)
        click = partial(checkout.place, Caller(basket_token=token), details, now=noon, speed=1.0)

        results = at_once([click] * 10)

        assert sum(isinstance(result, Placed) for result in results) == 1
        refusals = [result for result in results if not isinstance(result, Placed)]
        assert {type(refusal) for refusal in refusals} <= {
            CheckoutInProgress,
            offers.BasketEmpty,
        }
        assert Order.objects.count() == number + 1


def place_orders(count: int, details: Details, now: datetime) -> None:
    for _ in range(count):
        assert by_service(with_a_lamp(now), details, now) == BOUGHT


def versions_of_all() -> set[tuple[int, ...]]:
    by_order: dict[str, list[int]] = {}
    for topic, version in (
        Event.objects.filter(topic__startswith="order.")
        .order_by("position")
        .values_list("topic", "version")
    ):
        by_order.setdefault(topic, []).append(version)
    return {tuple(versions) for versions in by_order.values()}


def test_four_ticks_at_once_take_every_step_once(
    sell: SellLamp, details: Details, noon: datetime, rounds: range
) -> None:
    sell(on_hand=1000)
    for number in rounds:
        place_orders(10, details, noon)

        results = at_once([partial(services.advance_due, now=noon + timedelta(hours=1))] * 4)

        assert all(isinstance(result, int) for result in results), results
        assert sum(result for result in results if isinstance(result, int)) <= 40
        services.advance_due(now=noon + timedelta(hours=1))
        assert Order.objects.filter(status="delivered").count() == 10 * (number + 1)
        assert versions_of_all() == {(1, 2, 3, 4, 5)}


def during_a_slow_tick(act: Callable[[], int], *, at: datetime) -> list[int | Exception]:
    """How many a tick moved whose view of the orders was fixed before `act`, and what that did."""
    is_locked = Signal()

    def slow_tick() -> int:
        assert is_locked.wait(20)
        # a row is looked at, then the lock is waited for, and only then the row is locked
        slow = Order.objects.due(at).extra(where=["pg_advisory_xact_lock(7) IS NOT NULL"])
        return services._advance(slow, now=at)

    def meanwhile() -> int:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(7)")
        is_locked.set()
        try:
            eventually(lambda: "pg_advisory_xact_lock" in running_statements())
            return act()
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(7)")

    return at_once([slow_tick, meanwhile])


@ONLY_POSTGRESQL
def test_a_tick_that_began_before_another_ended_takes_the_step_that_follows(
    sell: SellLamp, details: Details, noon: datetime
) -> None:
    sell()
    place_orders(1, details, noon)
    later = noon + timedelta(hours=1)
    tick = partial(services._advance, Order.objects.due(later), now=later)

    assert during_a_slow_tick(tick, at=later) == [1, 1]

    assert Order.objects.get().step == 2
    assert versions_of_all() == {(1, 2, 3)}


def take_as_it_was(due: QuerySet[Order], now: datetime) -> list[TakenStep]:
    """In one statement, which sees the steps as they were when it began."""
    claim = due.select_for_update(skip_locked=True).values("id", "step")
    claimed, params = claim.query.sql_with_params()
    unheld = services.TAKE_AT_ONCE.replace("UNNEST(%s::bigint[], %s::smallint[])", f"({claimed})")
    moved = sql.rows(unheld, [*params, now, list(lifecycle.ENDED), now])
    return [services._taken(*row) for row in moved]


@ONLY_POSTGRESQL
@pytest.mark.parametrize("is_protected", [True, False])
def test_a_tick_that_began_before_an_order_was_found_late_takes_no_step_early(
    sell: SellLamp,
    details: Details,
    noon: datetime,
    monkeypatch: pytest.MonkeyPatch,
    is_protected: bool,
) -> None:
    sell()
    place_orders(1, details, noon)
    later = noon + timedelta(hours=1)
    if not is_protected:
        monkeypatch.setattr(services, "_take_at_once", take_as_it_was)

    assert during_a_slow_tick(partial(lateness.tell_overdue, now=later), at=later) == [1, 1]

    order = Order.objects.get()
    due_at = order.steps.get(index=order.step + 1).due_at
    assert (order.status, due_at) == ("confirmed", later + timedelta(minutes=2))
    assert (order.next_step_at == due_at) is is_protected


def running_statements() -> str:
    """What the other connections to this database are doing at this moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(query, ';') FROM pg_stat_activity WHERE state = 'active'"
            " AND datname = current_database() AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone()[0] or ""


def test_ticks_that_read_first_and_write_later_take_steps_twice(
    sell: SellLamp, details: Details, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(on_hand=1000)
    place_orders(5, details, noon)

    def read_then_write(due: QuerySet[Order], now: datetime) -> list[TakenStep]:
        taken = []
        for order in due:
            step = order.steps.get(index=order.step + 1)
            if is_first_reader():
                other_tick()
            Order.objects.filter(pk=order.pk).update(
                status=step.status, step=step.index, next_step_at=None
            )
            taken.append(TakenStep(order, step.status, step.index, step.due_at))
        return taken

    seen: list[int] = []

    def is_first_reader() -> bool:
        seen.append(1)
        return len(seen) == 1

    def other_tick() -> None:
        # what another process does between this one's reading and writing
        for order in Order.objects.due(noon + timedelta(minutes=2)):
            step = OrderStep.objects.get(order=order, index=order.step + 1)
            tracking.tell(log.current(), order, status=step.status, step=step.index, now=noon)

    monkeypatch.setattr(services, "_take_at_once", read_then_write)
    monkeypatch.setattr(services, "_take_by_status", read_then_write)
    services.advance_due(now=noon + timedelta(minutes=2))

    assert versions_of_all() != {(1, 2)}


def test_after_the_head_only_the_log_is_written(
    sell: SellLamp, details: Details, staff: Caller, noon: datetime
) -> None:
    sell(on_hand=100)
    asking = replace(details, payment_token="needs_action")
    no = replace(details, payment_token="declined")

    def guest() -> Caller:
        return Caller(basket_token=with_a_lamp(noon))

    def ask() -> str:
        with pytest.raises(outcomes.PaymentActionRequired) as raised:
            checkout.place(guest(), asking, now=noon, speed=1.0)
        return str(raised.value.facts["payment_id"])

    def decline() -> None:
        with pytest.raises(outcomes.PaymentDeclined):
            checkout.place(guest(), no, now=noon, speed=1.0)

    def hear() -> None:
        body, headers = demo.news(ask(), Outcome.CAPTURED)
        settlement.hear("demo", body, headers, now=noon, speed=1.0)

    on_invoice = replace(details, payment_provider="manual", payment_token="invoice")
    order, other = (checkout.place(guest(), details, now=noon, speed=1.0).order for _ in "12")
    owing = checkout.place(guest(), on_invoice, now=noon, speed=1.0).order
    told: list[Callable[[], object]] = [
        lambda: checkout.place(guest(), details, now=noon, speed=1.0),
        decline,
        ask,
        lambda: outcomes.finish_payment(ask(), approved=True, now=noon, speed=1.0),
        hear,
        lambda: settlement.mark_paid(staff, owing.number, now=noon),
        lambda: services.advance(staff, order.number, to="confirmed", now=noon),
        lambda: adjustments.refund(staff, order.number, amount=1, now=noon),
        lambda: adjustments.cancel(staff, other.number, now=noon),
        lambda: delays.hold(staff, order.number, now=noon),
        lambda: delays.resume(staff, order.number, now=noon),
        lambda: delays.revise(staff, order.number, eta=noon + timedelta(hours=2), now=noon),
        lambda: deliveries.fail(staff, order.number, now=noon),
        lambda: deliveries.try_again(staff, order.number, now=noon, speed=1.0),
        lambda: lateness.tell_overdue(now=noon + timedelta(minutes=30)),
        lambda: services.advance_due(now=noon + timedelta(hours=1)),
    ]
    for service in told:
        with CaptureQueriesContext(connection) as captured:
            service()
        written = after_head(captured) - {"notifications_eventtext"}
        assert written == {"notifications_event", "notifications_eventtopic", "COMMIT"}


def after_head(captured: CaptureQueriesContext) -> set[str]:
    """The tables written after each move of the head, COMMIT, and whatever else there was."""
    found, is_after = set(), False
    for query in captured.captured_queries:
        sql = str(query["sql"])
        if is_after:
            found.update(written_by(sql) or {sql})
        if sql == "COMMIT":
            is_after = False
        _before, moves_head, rest = sql.partition("UPDATE notifications_loghead")
        if moves_head:
            is_after = True
            found.update(written_by(rest))
    assert found, "no service moved the head"
    return found


def written_by(sql: str) -> set[str]:
    return set(re.findall(r"(?:INSERT INTO|COPY|UPDATE|DELETE FROM) (\w+)", sql))
