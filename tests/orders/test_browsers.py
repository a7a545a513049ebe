"""Browsers that are told of an order: by its ticket or its buyer, few, and for as long as that."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from random import Random
from threading import Barrier
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.db import connection
from django.test import Client
from django.utils import timezone

from museo.access.callers import Caller
from museo.access.models import User
from notifications import dispatcher, sending, subscribing, subscriptions, topics
from notifications.channels.webpush import _point, _text
from notifications.models import Delivery, Subscription, SubscriptionQuerySet
from notifications.subscribing import TooManySubscriptions
from orders import services, tracking
from orders.models import Order
from orders.tracking import Placed
from tests.notifications.channels.conftest import _no_open_calls as _no_open_calls
from tests.notifications.channels.conftest import browser as browser
from tests.notifications.channels.push_service import Browser
from tests.orders.conftest import SellLamp
from tests.together import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("full_buckets")]
PATH = "/api/v1/subscriptions"
KEY = _text(_point(ec.derive_private_key(7, ec.SECP256R1()).public_key()))
Buy = Callable[..., Placed]


def address(number: int = 1) -> str:
    keys = {"p256dh": KEY, "auth": "A" * 22}
    return json.dumps({"endpoint": f"https://push.example.com/send/{number}", "keys": keys})


def browsers() -> SubscriptionQuerySet:
    return Subscription.objects.filter(channel=Subscription.Channel.WEBPUSH)


@pytest.fixture
def placed(sell: SellLamp, buy: Buy) -> Placed:
    sell()
    return buy()


def call(client: Client, method: str, path: str, ticket: str = "", body: Any = None) -> Any:
    return client.generic(
        method,
        path,
        "" if body is None else json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Ticket {ticket}"} if ticket else {},
    )


def subscribe(client: Client, placed: Placed, ticket: str = "", **wish: Any) -> Any:
    wanted = {"topic": placed.order.topic, "channel": "webpush", "address": address(), **wish}
    return call(client, "POST", PATH, ticket, wanted)


@pytest.mark.usefixtures("committed")
@pytest.mark.both
def test_a_guests_browser_is_told_of_each_step_of_their_order(
    client: Client, placed: Placed, browser: Browser
) -> None:
    made = subscribe(client, placed, placed.ticket, address=browser.subscription, locale="ar")
    assert (made.status_code, made.json()["state"]) == (201, "active")

    now = placed.order.placed_at + timedelta(minutes=2)
    assert services.advance_due(now=now, is_time_left=lambda: False)
    while dispatcher.dispatch(now=now):
        pass
    sending.run(clock=lambda: now, dice=Random(7))  # noqa: S311

    (told,) = browser.read
    assert told["tag"] == placed.order.topic
    assert told["url"].endswith(f"/orders/{placed.order.number}")
    assert (told["lang"], told["dir"]) == ("ar", "rtl")


def test_a_guest_sees_and_ends_what_the_ticket_has_begun_and_no_browsers_address(
    client: Client, placed: Placed
) -> None:
    made = subscribe(client, placed, placed.ticket).json()
    query = f"?topic={placed.order.topic}&channel=webpush"

    listed = call(client, "GET", PATH + query, placed.ticket)

    assert [each["id"] for each in listed.json()["results"]] == [made["id"]]
    assert made["address"].startswith("sha256:")
    for private in ("push.example.com", KEY, "A" * 22):
        assert private not in listed.content.decode()
    other = f"{PATH}?topic={placed.order.topic}&channel=email"
    assert [each["channel"] for each in call(client, "GET", other, placed.ticket).json()["results"]]
    assert call(client, "GET", PATH + query).json()["results"] == []
    one = f"{PATH}/{made['id']}"
    assert call(client, "DELETE", one).status_code == 404
    assert call(client, "DELETE", one, placed.ticket).json() == {"removed": True}
    assert not browsers().exists()


@pytest.mark.parametrize(
    "wish",
    [
        {"channel": "email", "address": "noa@example.org"},
        {"channel": "sms", "address": "+358401234567"},
        {"channel": "webhook", "address": "https://192.0.32.8/"},
        {"topic": "broadcast.all"},
        {"topic": "user.1"},
        {"topic": "order.ORD-AAAAAAAA"},
        {"topic": "order.\ud800"},
    ],
)
def test_a_ticket_subscribes_browsers_to_its_order_and_nothing_else(
    client: Client, placed: Placed, wish: dict[str, str]
) -> None:
    before = Subscription.objects.count()

    refused = subscribe(client, placed, placed.ticket, **wish)

    assert refused.status_code in (400, 401)
    assert Subscription.objects.count() == before


def test_without_the_ticket_or_with_another_one_nobody_is_told(
    client: Client, placed: Placed, buy: Buy
) -> None:
    other = buy()

    for ticket in ("", "wrong", other.ticket):
        assert subscribe(client, placed, ticket).status_code == 401

    assert not browsers().exists()


def test_what_is_no_browsers_address_is_said_to_be_none(client: Client, placed: Placed) -> None:
    for wrong in ("", "{}", "x" * 2000, "\ud800", '{"endpoint":"https://10.0.0.1/","keys":{}}'):
        refused = subscribe(client, placed, placed.ticket, address=wrong)
        assert (refused.status_code, refused["Content-Type"]) == (400, "application/problem+json")
    assert not browsers().exists()


def test_it_ends_with_the_ticket(client: Client, placed: Placed, staff: Caller) -> None:
    subscribe(client, placed, placed.ticket)

    tracking.revoke_tickets(staff, placed.order.number, now=timezone.now())

    assert not browsers().exists()
    assert subscribe(client, placed, placed.ticket).status_code == 401


def test_somebody_signed_in_follows_anothers_order_by_its_ticket_and_their_own_by_right(
    client: Client, placed: Placed
) -> None:
    maya = User.objects.create_user("maya@example.org")
    client.force_login(maya)

    subscribe(client, placed, placed.ticket)
    assert browsers().get().who.startswith("ticket:")
    Order.objects.update(user=maya)
    subscribe(client, placed, placed.ticket, address=address(2))

    assert browsers().latest("pk").who == f"user:{maya.pk}"


def test_the_browsers_of_an_order_are_few_and_the_same_one_is_no_other(
    client: Client, placed: Placed, staff: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribing, "MOST_BROWSERS", 2)
    more = tracking.new_ticket(staff, placed.order.number, now=timezone.now())

    answers = [
        subscribe(client, placed, ticket, address=address(number)).status_code
        for number, ticket in ((1, placed.ticket), (2, more), (3, more), (1, placed.ticket))
    ]

    assert answers == [201, 201, 409, 201]
    assert browsers().count() == 2


def subscribing_two(placed: Placed, noon: datetime) -> list[Callable[[], Any]]:
    guest = Caller(tickets=(placed.ticket,))
    return [
        partial(
            subscribing.create,
            guest,
            topics=[placed.order.topic],
            channel="webpush",
            address=address(number),
            now=noon,
        )
        for number in (1, 2)
    ]


@pytest.mark.usefixtures("committed")
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_two_at_once_do_not_both_get_the_last_place(
    placed: Placed, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribing, "MOST_BROWSERS", 1)

    done = at_once(subscribing_two(placed, noon))

    assert sum(isinstance(each, TooManySubscriptions) for each in done) == 1
    assert browsers().count() == 1


@pytest.mark.usefixtures("committed")
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_without_the_lock_both_get_the_last_place(
    placed: Placed, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, begin = Barrier(2), subscriptions.begin

    def begin_together(**wish: Any) -> Any:
        counted.wait(timeout=60)
        return begin(**wish)

    monkeypatch.setattr(subscribing, "MOST_BROWSERS", 1)
    monkeypatch.setattr(topics, "hold", lambda name: None)
    monkeypatch.setattr(subscriptions, "begin", begin_together)

    at_once(subscribing_two(placed, noon))

    assert browsers().count() == 2


@pytest.mark.usefixtures("committed")
def test_a_person_hears_of_a_step_once_at_an_address(placed: Placed) -> None:
    """However many of their wishes it fits: that of the order, and that of all their orders."""
    maya = User.objects.create_user("maya@example.org")
    Order.objects.update(user=maya)
    Subscription.objects.all().delete()
    for topic, number in ((placed.order.topic, 1), (f"user.{maya.pk}", 1), (f"user.{maya.pk}", 2)):
        subscriptions.begin(
            topic=topic,
            channel=Subscription.Channel.WEBPUSH,
            address=address(number),
            who=f"user:{maya.pk}",
            locale="en",
            now=placed.order.placed_at,
        )
    now = placed.order.placed_at + timedelta(minutes=2)

    services.advance_due(now=now, is_time_left=lambda: False)
    while dispatcher.dispatch(now=now):
        pass

    made = Delivery.objects.order_by("subscription").values_list("state", "reason")
    assert list(made) == [("pending", ""), ("skipped", "same_address"), ("pending", "")]
