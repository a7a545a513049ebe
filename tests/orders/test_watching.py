"""A link that was shared shows an order on every face, and does nothing with it on any."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
from django.test import Client

from museo.access.callers import Caller
from museo.access.problems import NotAllowed, NotFound
from notifications import subscribing
from notifications.live.hub import in_thread
from notifications.models import Subscription
from notifications.topics import readable
from orders import adjustments, tracking
from orders.models import Order, OrderTicket
from orders.tracking import Placed
from tests.notifications.conftest import address as address
from tests.notifications.conftest import http as http
from tests.notifications.conftest import redis as redis
from tests.notifications.conftest import redis_url as redis_url
from tests.notifications.conftest import socket, stream
from tests.orders.conftest import SellLamp

Buy = Callable[..., Placed]
OF_PEOPLE = re.compile("Maya|Okafor|Museum Street 1|00130")
LEFT_OUT = ("cancel", "amend", "notify", "share", "reorder", "receipt")
HOOK = {"webhook_url": "https://8.8.8.8/hook"}
ACTS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/cancel", {}),
    ("POST", "/reorder", {}),
    ("POST", "/returns", {"lines": [{"position": 1, "quantity": 1}]}),
    ("GET", "/returns", {}),
    ("POST", "/webhook", HOOK),
    ("GET", "/webhook", {}),
    ("PATCH", "", {"note": "Ring twice"}),
]


def watch(placed: Placed, now: datetime) -> str:
    return tracking.share(Caller(tickets=(placed.ticket,)), placed.order.number, now=now)


@pytest.fixture
def placed(sell: SellLamp, buy: Buy) -> Placed:
    sell()
    return buy()


@pytest.fixture
def ticket(placed: Placed, noon: datetime) -> str:
    return watch(placed, noon)


@pytest.fixture
def neighbour(ticket: str, full_buckets: None) -> Client:
    """Their browser has opened the link."""
    browser = Client()
    assert browser.get(f"/t/{ticket}").status_code == 302
    return browser


pytestmark = pytest.mark.django_db


def test_the_page_shows_the_order_without_people_and_without_buttons(
    neighbour: Client, placed: Placed
) -> None:
    page = neighbour.get(f"/orders/{placed.order.number}").content.decode()

    assert "We have your order" in page
    assert "This link only shows the order" in page
    assert not OF_PEOPLE.search(page)
    assert not [each for each in LEFT_OUT if f"{placed.order.number}/{each}" in page]


@pytest.mark.parametrize("form", ["cancel", "amend", "notify", "share", "reorder", "return"])
def test_no_form_of_the_page_does_anything(neighbour: Client, placed: Placed, form: str) -> None:
    typed = {"channel": "email", "off": "1", "note": "Ring twice", "line-1": "1"}
    kept = list(Subscription.objects.values())

    neighbour.post(f"/orders/{placed.order.number}/{form}", typed)

    order = Order.objects.get()
    assert (order.status, order.note, order.returns.count()) == ("placed", "", 0)
    assert OrderTicket.objects.count() == 2
    assert list(Subscription.objects.values()) == kept
    assert neighbour.get("/api/v1/basket").json()["lines"] == []


def test_the_receipt_is_for_who_bought_it(neighbour: Client, placed: Placed) -> None:
    assert neighbour.get(f"/orders/{placed.order.number}/receipt").status_code == 404


@pytest.mark.usefixtures("full_buckets")
def test_rest_tells_how_it_stands_and_nothing_of_people(
    client: Client, placed: Placed, ticket: str
) -> None:
    order = f"/api/v1/orders/{placed.order.number}"
    told = [client.get(f"{order}{path}?ticket={ticket}") for path in ("", "/track", "/events")]

    assert [answer.status_code for answer in told] == [200, 200, 200]
    assert not [answer for answer in told if OF_PEOPLE.search(answer.content.decode())]
    assert told[0].json()["lines"][0]["sku"] == "LAMP"
    assert told[0].json()["cancel_until"] is None


@pytest.mark.usefixtures("full_buckets")
@pytest.mark.parametrize(("method", "path", "body"), ACTS)
def test_rest_refuses_to_do_anything_with_it(
    client: Client, placed: Placed, ticket: str, method: str, path: str, body: dict[str, Any]
) -> None:
    url = f"/api/v1/orders/{placed.order.number}{path}?ticket={ticket}"
    answer = client.generic(method, url, json.dumps(body), content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert Order.objects.get().status == "placed"
    assert not Subscription.objects.filter(channel="webhook").exists()


def test_nobody_is_subscribed_by_it_whoever_they_are(
    placed: Placed, ticket: str, noon: datetime
) -> None:
    somebody = Caller(tickets=(ticket,), who="user:7", user_id=7)
    for caller in (somebody, Caller(tickets=(ticket,))):
        assert subscribing.ticket_for(caller, placed.order.topic) is None
    with pytest.raises(NotFound):
        subscribing.create(
            somebody, topics=[placed.order.topic], channel="inapp", address="", now=noon
        )


def test_it_is_not_made_another_by_leaving_away_what_it_begins_with(
    placed: Placed, ticket: str
) -> None:
    bare = Caller(tickets=(ticket.removeprefix("watch_"), "watch_" + placed.ticket))

    with pytest.raises(tracking.UnknownOrder):
        tracking.find(bare, placed.order.number)


def test_with_the_buyers_own_beside_it_everything_can_be_done(
    placed: Placed, ticket: str, noon: datetime
) -> None:
    both = Caller(tickets=(ticket, placed.ticket))
    topics = {placed.order.topic, placed.order.payments.get().topic}
    assert readable(Caller(tickets=(ticket,)), topics) == {placed.order.topic}
    with pytest.raises(NotAllowed):
        adjustments.cancel(Caller(tickets=(ticket,)), placed.order.number, now=noon)

    assert readable(both, topics) == topics
    assert adjustments.cancel(both, placed.order.number, now=noon).status == "cancelled"


async def test_streams_and_sockets_are_opened_by_it(
    http: httpx.AsyncClient, address: str, sell: SellLamp, buy: Buy, noon: datetime
) -> None:
    def begin() -> tuple[Placed, str]:
        sell()
        placed = buy()
        return placed, watch(placed, noon)

    placed, ticket = await in_thread(begin)()
    path = f"/api/v1/orders/{placed.order.number}/events?ticket={ticket}"

    async with stream(http, path) as events:
        connected, told = await events.take(2)
    async with socket(address, f"?ticket={ticket}&topics={placed.order.topic}") as client:
        _hello, subscribed = await client.take(2)

    assert connected["snapshot"]["status"] == "placed"
    assert told["type"] == "order.placed"
    assert subscribed["topics"] == [placed.order.topic]
