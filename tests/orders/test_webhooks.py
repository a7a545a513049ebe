"""Registering webhooks of an order: by who sees it, a few each, a secret that is shown once."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from museo.access import accounts
from museo.access.callers import Caller, caller_for_user
from museo.access.encryption import unseal
from museo.access.models import ServiceAccount, User
from notifications import access_changes, log
from notifications.channels import webhook
from notifications.models import Subscription, SubscriptionQuerySet
from orders import tracking, webhooks
from orders.models import Order
from orders.tracking import Placed
from orders.webhooks import TooManyWebhooks
from tests.access.conftest import bearer
from tests.orders.conftest import SellLamp
from tests.together import at_once

pytestmark = pytest.mark.django_db

URL = "https://example.com/hooks/museo"
Buy = Callable[..., Placed]


def hooks() -> SubscriptionQuerySet:
    """All there are; whoever buys is told by mail besides."""
    return Subscription.objects.filter(channel=Subscription.Channel.WEBHOOK)


@pytest.fixture(autouse=True)
def _no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(host: str, port: int) -> Any:
        raise OSError("not known")

    monkeypatch.setattr(webhook, "_look_up", look_up)


@pytest.fixture
def placed(sell: SellLamp, buy: Buy) -> Placed:
    sell()
    return buy()


def call(client: Client, method: str, placed: Placed, query: str = "", body: Any = None) -> Any:
    return client.generic(
        method,
        f"/api/v1/orders/{placed.order.number}/webhook{query}",
        "" if body is None else json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Ticket {placed.ticket}"},
    )


def test_a_webhook_is_registered_listed_and_removed(client: Client, placed: Placed) -> None:
    head = log.state().head

    made = call(client, "POST", placed, body={"webhook_url": URL, "types": ["order.delivered"]})
    told = made.json()

    assert (made.status_code, made["Cache-Control"]) == (201, "no-store")
    assert (told["success"], told["message"]) == (True, "Webhook registered")
    assert len(base64.b64decode(told["secret"].removeprefix("whsec_"))) == 32
    row = hooks().get()
    assert (row.topic, row.types, row.after) == (placed.order.topic, ["order.delivered"], head)
    assert (row.channel, row.address, row.locale) == ("webhook", URL, "en")
    assert told["secret"] not in row.secret
    assert unseal(row.secret) == told["secret"]
    shown = {name: told[name] for name in ("id", "webhook_url", "types", "created_at")}
    assert call(client, "GET", placed).json() == {"results": [shown]}
    removed = call(client, "DELETE", placed, f"?id={told['id']}")
    assert removed.json() == {"success": True, "message": "Webhook removed", "removed": 1}
    assert call(client, "GET", placed).json() == {"results": []}


def test_the_address_may_come_in_the_query_as_in_the_source_document(
    client: Client, placed: Placed
) -> None:
    answer = client.generic(
        "POST",
        f"/api/v1/orders/{placed.order.number}/webhook?webhook_url={URL}&ticket={placed.ticket}"
        "&types=order.confirmed,order.delivered",
    )

    assert answer.status_code == 201, answer.content
    assert answer.json()["types"] == ["order.confirmed", "order.delivered"]


def test_the_same_address_again_has_a_new_secret_and_the_new_types(
    client: Client, placed: Placed
) -> None:
    first = call(client, "POST", placed, body={"webhook_url": URL}).json()
    body = {"webhook_url": URL, "types": ["order.delivered", "order.delivered"]}
    second = call(client, "POST", placed, body=body).json()

    row = hooks().get()
    assert first["id"] == second["id"] == row.public_id
    assert first["secret"] != second["secret"] == unseal(row.secret)
    assert (first["types"], second["types"]) == ([], ["order.delivered"])


def test_all_of_an_order_are_removed_at_once(client: Client, placed: Placed, buy: Buy) -> None:
    other = buy()
    for number in range(2):
        call(client, "POST", placed, body={"webhook_url": f"{URL}/{number}"})
    call(client, "POST", other, body={"webhook_url": URL})

    assert call(client, "DELETE", placed).json()["removed"] == 2
    assert call(client, "DELETE", placed).json()["removed"] == 0
    assert call(client, "GET", other).json()["results"][0]["webhook_url"] == URL


def test_everybody_sees_their_own_and_staff_see_all(
    placed: Placed, staff: Caller, noon: datetime
) -> None:
    maya = User.objects.create_user("maya@example.org")
    Order.objects.update(user=maya)
    buyer = caller_for_user(maya, locale="de")
    stranger = caller_for_user(User.objects.create_user("sam@example.org"), locale="en")
    friend = Caller(tickets=("another", placed.ticket))
    signed_in = replace(stranger, tickets=(placed.ticket,))
    number = placed.order.number
    callers = {"buyer": buyer, "friend": friend, "signed-in": signed_in, "staff": staff}
    for name, caller in callers.items():
        webhooks.register(caller, number, url=f"{URL}/{name}", now=noon)

    def seen(caller: Caller) -> set[str]:
        return {row.address.rpartition("/")[2] for row in webhooks.registered(caller, number)}

    assert seen(buyer) == {"buyer"}
    # a ticket is what opens the order, whoever has it
    assert seen(friend) == seen(signed_in) == {"friend", "signed-in"}
    assert seen(staff) == set(callers)
    for act in (
        webhooks.registered,
        webhooks.remove,
        partial(webhooks.register, url=URL, now=noon),
    ):
        with pytest.raises(tracking.UnknownOrder):
            act(stranger, number)
    with pytest.raises(webhooks.UnknownWebhook):
        webhooks.remove(buyer, number, url=f"{URL}/staff")
    assert hooks().get(address=f"{URL}/buyer").locale == "de"


def test_a_ticket_that_is_closed_takes_its_webhooks_along(
    placed: Placed, buy: Buy, staff: Caller, noon: datetime
) -> None:
    other = buy()
    for order in (placed, other):
        owner = Caller(tickets=(order.ticket,))
        webhooks.register(owner, order.order.number, url=URL, now=noon)
    webhooks.register(staff, placed.order.number, url=URL, now=noon)

    tracking.revoke_tickets(staff, placed.order.number, now=noon)

    assert set(hooks().values_list("topic", "who")) == {
        (placed.order.topic, staff.who),
        (other.order.topic, f"ticket:{other.order.tickets.get().token_hash}"),
    }
    Order.objects.update(status="delivered", ended_at=noon)
    assert tracking.expire_tickets(now=noon + timedelta(days=31)) == 1
    assert hooks().get().who == staff.who


def test_nothing_is_registered_by_a_ticket_that_was_closed_meanwhile(
    placed: Placed, staff: Caller, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = placed.order.number

    def check(url: str) -> None:
        tracking.revoke_tickets(staff, number, now=noon)

    monkeypatch.setattr(webhook, "check", check)
    with pytest.raises(tracking.UnknownOrder):
        webhooks.register(Caller(tickets=(placed.ticket,)), number, url=URL, now=noon)

    assert not hooks().exists()


def test_a_program_whose_account_is_revoked_is_told_no_more(
    client: Client, placed: Placed, noon: datetime
) -> None:
    keys = accounts.create(name="carrier", scopes=["orders:write"], now=noon)
    made = client.post(
        f"/api/v1/orders/{placed.order.number}/webhook",
        {"webhook_url": URL},
        content_type="application/json",
        headers=bearer(keys),
    )
    account = ServiceAccount.objects.get()
    assert made.status_code == 201
    assert hooks().get().who == f"service:{account.pk}"

    access_changes.revoke_account(account, now=noon)

    assert not hooks().exists()


def test_an_order_has_a_few_of_each_caller(placed: Placed, staff: Caller, noon: datetime) -> None:
    owner, number = Caller(tickets=(placed.ticket,)), placed.order.number
    for at in range(webhooks.MOST):
        webhooks.register(owner, number, url=f"{URL}/{at}", now=noon)

    with pytest.raises(TooManyWebhooks):
        webhooks.register(owner, number, url=URL, now=noon)

    webhooks.register(owner, number, url=f"{URL}/0", now=noon)
    webhooks.register(staff, number, url=URL, now=noon)
    assert hooks().count() == webhooks.MOST + 1


def registering(placed: Placed, now: datetime, count: int) -> list[Callable[[], object]]:
    owner = Caller(tickets=(placed.ticket,))
    return [
        partial(webhooks.register, owner, placed.order.number, url=f"{URL}/{at}", now=now)
        for at in range(count)
    ]


@pytest.mark.both
@pytest.mark.usefixtures("committed")
def test_ten_who_register_at_once_are_no_more_than_fit(placed: Placed, noon: datetime) -> None:
    results = at_once(registering(placed, noon, 10))

    refused = [result for result in results if isinstance(result, Exception)]
    assert {type(refusal) for refusal in refused} == {TooManyWebhooks}
    assert hooks().count() == webhooks.MOST == 10 - len(refused)


@pytest.mark.usefixtures("committed")
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_without_the_lock_more_register_than_fit(
    placed: Placed, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Barrier(webhooks.MOST + 1)
    require_few = webhooks._require_few

    def count_together(*order: Any, **options: Any) -> None:
        require_few(*order, **options)
        counted.wait(timeout=60)

    monkeypatch.setattr(webhooks, "_require_few", count_together)
    monkeypatch.setattr(tracking, "hold_row", lambda order: None)
    at_once(registering(placed, noon, webhooks.MOST + 1))

    assert hooks().count() > webhooks.MOST


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"webhook_url": ""},
        {"webhook_url": None},
        {"webhook_url": 2**70},
        {"webhook_url": [URL]},
        {"webhook_url": "https://example.com/\x00"},
        {"webhook_url": "https://example.com/\ud800"},
        {"webhook_url": "https://example.com/" + "x" * 10_000},
        {"webhook_url": "https://127.0.0.1/"},
        {"webhook_url": "http://example.com/"},
        {"webhook_url": URL, "types": "order.delivered"},
        {"webhook_url": URL, "types": ["payment.captured"]},
        {"webhook_url": URL, "types": [2**70]},
        {"webhook_url": URL, "types": {"order.delivered": 1}},
    ],
)
def test_what_can_be_no_webhook_registers_nothing(
    client: Client, placed: Placed, body: Any
) -> None:
    answer = call(client, "POST", placed, body=body)

    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert not hooks().exists()


@pytest.mark.both
@pytest.mark.parametrize("query", ["?id=%00", "?webhook_url=%00", "?id=sub_none", "?id=%ED%A0%80"])
def test_what_was_never_registered_is_404(client: Client, placed: Placed, query: str) -> None:
    call(client, "POST", placed, body={"webhook_url": URL})

    answer = call(client, "DELETE", placed, query)

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_webhook")
    assert hooks().count() == 1


@pytest.mark.both
@pytest.mark.parametrize("number", ["ORD-NONE", "%00", "ORD-%00", "%ED%A0%80", "x" * 5000])
@pytest.mark.parametrize("further", ["", "/track", "/events", "/webhook", "/returns"])
def test_a_number_that_is_none_is_404(client: Client, number: str, further: str) -> None:
    assert client.get(f"/api/v1/orders/{number}{further}").status_code == 404
