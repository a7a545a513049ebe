"""The buyer is told: letters in the order of what happens, in the language that they bought in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from random import Random
from typing import Any

import pytest
from django.core.signing import Signer
from django.test import Client

from catalog import stock
from museo.access.callers import Caller
from museo.access.models import User
from notifications import dispatcher, sending, subscriptions, unsubscribing
from notifications.models import Delivery, Event, Subscription
from orders import adjustments, baskets, buyers, checkout, delays, services, tracking
from orders.details import Details
from orders.models import Order
from orders.tracking import Placed
from tests.mail_server import Mailbox
from tests.orders.conftest import PURCHASE, SellLamp

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both]
MAYA = "maya@example.org"


def deliver(now: datetime) -> int:
    """What a work process does each second."""
    while dispatcher.dispatch(now=now):
        pass
    return sending.run(clock=lambda: now, dice=Random(7)).sent  # noqa: S311


def play(now: datetime) -> None:
    """The twelve minutes of an order, minute by minute."""
    deliver(now)
    for minute in range(1, 14):
        at = now + timedelta(minutes=minute)
        services.advance_due(now=at)
        deliver(at)


def subjects(mailbox: Mailbox) -> list[str]:
    return [str(letter["Subject"]) for letter in mailbox.taken]


def text_of(letter: EmailMessage) -> str:
    part = letter.get_body(("plain",))
    assert part
    return str(part.get_content())


def purchase(client: Client, **headers: str) -> dict[str, Any]:
    """Over REST, as a guest does."""
    added = client.post("/api/v1/basket/items", {"sku": "LAMP"}, "application/json")
    sent = {"X-Basket-Token": added["X-Basket-Token"], "Idempotency-Key": "k", **headers}
    bought = client.post(
        "/api/v1/orders/checkout", json.dumps(PURCHASE), "application/json", headers=sent
    )
    assert bought.status_code == 201, bought.content
    told: dict[str, Any] = bought.json()
    return told


def test_nobody_is_told_of_an_order_that_ended_long_ago(
    sell: SellLamp, buy: Callable[..., Placed], noon: datetime
) -> None:
    sell(on_hand=5)
    over, goes_on = (buy(now=noon).order for _order in range(2))
    asked = Subscription.objects.filter(topic=over.topic).get()
    subscriptions.begin(
        topic=over.topic,
        channel=Subscription.Channel.WEBHOOK,
        address="https://example.com/",
        who=asked.who,
        locale="en",
        now=noon,
    )
    Order.objects.filter(pk=over.pk).update(ended_at=noon)

    assert buyers.forget(now=noon + tracking.TICKET_LIFE) == 0
    assert buyers.forget(now=noon + tracking.TICKET_LIFE + timedelta(days=1)) == 1

    left = Subscription.objects.order_by("pk").values_list("topic", "channel")
    assert list(left) == [(goes_on.topic, "email"), (over.topic, "webhook")]


def test_a_guest_is_told_each_step_in_their_language(
    client: Client, sell: SellLamp, mailbox: Mailbox
) -> None:
    sell()
    bought = purchase(client, **{"Accept-Language": "de"})

    play(Order.objects.get().placed_at)

    assert subjects(mailbox) == [
        "Wir haben Ihre Bestellung",
        "Ihre Bestellung ist bestätigt",
        "Ihre Bestellung ist unterwegs",
        "Ihre Bestellung ist da",
    ]
    for letter in mailbox.taken:
        assert (letter["To"], letter["Content-Language"]) == (MAYA, "de")
        assert bought["track_url"] in text_of(letter)
        assert bought["number"] in text_of(letter)
    assert "12 Minuten" in text_of(mailbox.taken[0])
    opened = Client().get(bought["track_url"], follow=True)
    assert (opened.status_code, bought["number"] in opened.text) == (200, True)


def test_the_log_holds_neither_the_address_nor_the_link(
    client: Client, sell: SellLamp, mailbox: Mailbox
) -> None:
    sell()
    bought = purchase(client)
    play(Order.objects.get().placed_at)

    kept = str(list(Event.objects.values())) + str(list(Delivery.objects.values()))
    for private in (MAYA, "Maya", bought["ticket"]):
        assert private not in kept
    assert bought["ticket"] not in str(list(Subscription.objects.values()))


def test_who_has_an_account_is_told_as_such(
    client: Client, sell: SellLamp, mailbox: Mailbox, details: Details, noon: datetime
) -> None:
    sell()
    user = User.objects.create_user(MAYA)
    placed = buy_as(user, details, noon)

    deliver(noon)

    made = Subscription.objects.get()
    assert (made.who, made.topic, made.locale) == (f"user:{user.pk}", placed.order.topic, "fr")
    assert subjects(mailbox) == ["Nous avons votre commande"]
    assert f"/orders/{placed.order.number}" in text_of(mailbox.taken[0])
    assert placed.ticket not in text_of(mailbox.taken[0])
    client.force_login(user)
    (shown,) = client.get("/api/v1/subscriptions").json()["results"]
    assert (shown["channel"], shown["address"]) == ("email", MAYA)


def buy_as(user: User, details: Details, now: datetime) -> Placed:
    caller = Caller(user_id=user.pk, who=f"user:{user.pk}", locale="fr")
    opened = baskets.add(caller, sku="LAMP", quantity=1, now=now)
    return checkout.place(replace(caller, basket_token=opened.token), details, now=now, speed=1.0)


def test_a_new_time_and_an_end_are_news(
    sell: SellLamp, buy: Callable[..., Placed], staff: Caller, mailbox: Mailbox, noon: datetime
) -> None:
    sell()
    number = buy().order.number
    steps: list[Callable[[datetime], object]] = [
        lambda at: delays.revise(staff, number, eta=noon + timedelta(hours=1), now=at),
        lambda at: adjustments.cancel(staff, number, now=at),
    ]
    deliver(noon)
    for minute, step in enumerate(steps, 1):
        at = noon + timedelta(minutes=minute)
        step(at)
        deliver(at)

    first, second, *both = subjects(mailbox)
    assert (first, second) == ("We have your order", "A new time for your order")
    # at once: either may be there first
    assert sorted(both) == ["Money goes back to you", "Your order is cancelled"]


def test_what_a_guest_was_promised_ends_with_the_ticket(
    sell: SellLamp, buy: Callable[..., Placed], staff: Caller, mailbox: Mailbox, noon: datetime
) -> None:
    sell()
    placed = buy()
    deliver(noon)
    services.advance_due(now=noon + timedelta(minutes=2))
    while dispatcher.dispatch(now=noon):
        pass

    tracking.revoke_tickets(staff, placed.order.number, now=noon)
    play(noon)

    assert subjects(mailbox) == ["We have your order"]
    assert not Subscription.objects.exists()


def test_nobody_is_told_of_what_was_not_bought(
    sell: SellLamp, details: Details, noon: datetime
) -> None:
    sell(on_hand=1)
    tokens = [baskets.add(Caller(), sku="LAMP", quantity=1, now=noon).token for _ in "12"]
    checkout.place(Caller(basket_token=tokens[0]), details, now=noon, speed=1.0)

    with pytest.raises(stock.OutOfStock):
        checkout.place(Caller(basket_token=tokens[1]), details, now=noon, speed=1.0)

    assert Subscription.objects.count() == Order.objects.count() == 1


def test_one_click_in_a_letter_ends_them(client: Client, sell: SellLamp, mailbox: Mailbox) -> None:
    sell()
    purchase(client)
    placed_at = Order.objects.get().placed_at
    deliver(placed_at)
    (letter,) = mailbox.taken
    found = re.fullmatch(r"<(.+)>", letter["List-Unsubscribe"].strip())
    assert found
    assert found[1] in text_of(letter)
    path = found[1].removeprefix("http://127.0.0.1:8000")

    # as Gmail's servers do it: without cookies, without a token of ours
    posted = Client(enforce_csrf_checks=True).post(path, {"List-Unsubscribe": "One-Click"})

    assert posted.status_code == 200
    play(placed_at)
    assert len(mailbox.taken) == 1
    made = Subscription.objects.get()
    assert (made.state, made.reason) == ("disabled", unsubscribing.REASON)
    assert not Event.objects.filter(type="notification").exists()


def test_who_only_looks_ends_nothing(sell: SellLamp, buy: Callable[..., Placed]) -> None:
    sell()
    buy()
    path = unsubscribing.url(Subscription.objects.get()).removeprefix("http://127.0.0.1:8000")
    client = Client(enforce_csrf_checks=True)

    page = client.get(path)

    button = "Send me no more of these"
    assert (page.status_code, button in page.text, MAYA in page.text) == (200, True, False)
    assert "no-store" in page["Cache-Control"]
    assert client.head(path).status_code == 200
    assert client.put(path).status_code == 405
    assert Subscription.objects.get().state == "active"
    done = client.post(path)
    assert (done.status_code, button in done.text) == (200, False)
    assert Subscription.objects.get().state == "disabled"
    assert client.post(path).status_code == 200


def test_an_address_that_was_not_signed_ends_nothing(
    sell: SellLamp, buy: Callable[..., Placed]
) -> None:
    sell()
    buy()
    made = Subscription.objects.get()
    signed = unsubscribing.url(made).rpartition("/")[2]
    forged = Signer(salt="something else").sign(made.public_id)

    for wrong in (made.public_id, f"{signed}x", f"x{signed}", forged, "%00", "a" * 3000):
        assert Client().post(f"/stop/{wrong}").status_code == 404, wrong

    assert Subscription.objects.get().state == "active"


def test_whose_order_it_is_can_pause_by_the_ticket(
    client: Client, sell: SellLamp, mailbox: Mailbox
) -> None:
    sell()
    bought = purchase(client)
    asked = {"Authorization": f"Ticket {bought['ticket']}"}
    (shown,) = client.get("/api/v1/subscriptions", headers=asked).json()["results"]
    path = f"/api/v1/subscriptions/{shown['id']}"

    assert client.post(f"{path}/pause").status_code == 404
    assert client.post(f"{path}/pause", headers=asked).json()["state"] == "paused"
    play(Order.objects.get().placed_at)

    assert mailbox.taken == []
    assert set(Delivery.objects.values_list("state", "reason")) == {("skipped", "paused")}
