"""Who waits for what is sold out is told once that it is back, by their own channels."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog import counts, restock
from catalog.models import Category, Master, Price, StockItem, Variant
from catalog.restock import NotSoldOut, NoWay
from museo.access.callers import Caller, caller_for_user
from museo.access.encryption import unseal
from museo.access.models import User
from museo.access.problems import NotFound, NotSignedIn
from notifications import dispatcher, log, preferring, retention, tasks
from notifications.envelope import render
from notifications.models import Contact, Delivery, Event, Subscription
from tests.notifications.conftest import WORDS

pytestmark = [pytest.mark.usefixtures("committed", "full_buckets"), pytest.mark.both]
PAGE = "/p/lamp"
BACK = "/p/lamp/back"


@pytest.fixture
def lamp() -> Variant:
    """Sold out."""
    light = Category(slug="light", room=Category.Room.LIGHT, name="Light")
    rooms = Category.objects.add_root(instance=light)
    master = Master.objects.create(
        name="Desk lamp", slug="lamp", primary_category=rooms, status="active"
    )
    variant = Variant.objects.create(master=master, sku="LAMP")
    Master.objects.filter(pk=master.pk).update(default_variant=variant)
    Price.objects.create(variant=variant, amount=8400)
    StockItem.objects.create(variant=variant, on_hand=0)
    return variant


@pytest.fixture
def maya() -> User:
    return User.objects.create_user("maya@example.org")


@pytest.fixture
def caller(maya: User) -> Caller:
    return caller_for_user(maya, locale="en")


@pytest.fixture
def browser(client: Client, maya: User) -> Client:
    client.force_login(maya)
    return client


@pytest.fixture
def restocked(lamp: Variant) -> Callable[[int], None]:
    """So many more or fewer lie on the shelf, as staff count them."""
    boss = User.objects.create_superuser("boss@museo.example")
    staff = caller_for_user(boss, locale="en")

    def count(delta: int) -> None:
        counts.write(staff, [{"sku": "LAMP", "delta": delta}], now=timezone.now())

    return count


def ask(caller: Caller, sku: str = "LAMP") -> None:
    restock.ask(caller, sku, now=timezone.now())


def dispatch() -> None:
    while dispatcher.dispatch(now=timezone.now()):
        pass


def test_who_waits_is_told_once_by_a_letter_that_leads_to_the_page(
    lamp: Variant, caller: Caller, restocked: Callable[[int], None], settings: Any
) -> None:
    ask(caller)
    for delta in (2, -2, 3):
        restocked(delta)
    tasks.deliver()

    (letter,) = mail.outbox
    assert letter.to == ["maya@example.org"]
    assert letter.subject == "Back in stock"
    assert "Desk lamp is back in stock." in letter.body
    assert f"Look at it: {settings.MUSEO_PUBLIC_URL}/p/lamp" in letter.body
    assert "because you asked for it" in letter.body
    assert [each.state for each in Delivery.objects.all()] == [Delivery.State.SENT]
    assert restock.awaited(caller, [lamp.public_id]) == set()


def test_what_comes_back_after_it_was_told_is_not_told_again_in_another_batch(
    lamp: Variant, caller: Caller, restocked: Callable[[int], None]
) -> None:
    ask(caller)
    for delta in (2, -2, 3):
        restocked(delta)
        dispatch()

    assert Delivery.objects.count() == 1


def test_who_asks_again_is_told_again(
    lamp: Variant, caller: Caller, restocked: Callable[[int], None]
) -> None:
    ask(caller)
    restocked(1)
    dispatch()
    restocked(-1)
    ask(caller)
    assert restock.awaited(caller, [lamp.public_id]) == {lamp.public_id}
    restocked(1)
    dispatch()

    assert Delivery.objects.count() == 2
    assert Subscription.objects.count() == 1


def test_what_came_back_before_one_asked_is_not_told(
    lamp: Variant, caller: Caller, restocked: Callable[[int], None]
) -> None:
    ask(caller)
    restocked(1)
    dispatch()
    restocked(-1)
    restocked(1)
    restocked(-1)
    ask(caller)
    dispatch()

    assert Delivery.objects.count() == 1


def test_it_goes_by_every_channel_that_is_known_to_be_theirs_and_wanted(
    lamp: Variant, maya: User, caller: Caller, settings: Any
) -> None:
    settings.TWILIO_ACCOUNT_SID = settings.TWILIO_AUTH_TOKEN = settings.TWILIO_FROM = "x"
    now = timezone.now()
    for address, confirmed_at in (("+358401234567", now), ("+358409999999", None)):
        Contact.objects.create(
            who=caller.who,
            channel="whatsapp",
            address=address,
            code_ends_at=now,
            tries_left=0,
            confirmed_at=confirmed_at,
        )
    browser = '{"endpoint": "https://push.example/1"}'
    Subscription.objects.create(
        topic="order.X",
        channel="webpush",
        address=browser,
        who=caller.who,
        locale="en",
        after=0,
        created_at=now,
    )

    ask(caller)

    waiting = Subscription.objects.filter(is_once=True).order_by("channel")
    # WhatsApp has no settings here
    assert [(each.channel, each.address) for each in waiting] == [
        ("email", "maya@example.org"),
        ("webpush", browser),
    ]
    assert {tuple(each.types) for each in waiting} == {("stock.back",)}
    assert unseal(waiting[0].link).endswith("/p/lamp")


def test_who_has_switched_it_off_is_told_so(lamp: Variant, caller: Caller) -> None:
    off = {"channels": {"stock": {"email": False}}}
    preferring.save(caller, off, now=timezone.now())

    with pytest.raises(NoWay):
        ask(caller)

    assert not Subscription.objects.exists()


def test_what_can_be_had_and_what_is_not_sold_cannot_be_waited_for(
    lamp: Variant, caller: Caller, restocked: Callable[[int], None]
) -> None:
    for sku in ("NOTHING", "\0", "x" * 5000):
        with pytest.raises(NotFound):
            ask(caller, sku)
    with pytest.raises(NotSignedIn):
        ask(Caller())
    restocked(1)
    with pytest.raises(NotSoldOut):
        ask(caller)

    assert not Subscription.objects.exists()


def test_waiting_is_given_up(lamp: Variant, caller: Caller) -> None:
    ask(caller)

    assert restock.cancel(caller, "LAMP") == 1
    assert restock.cancel(caller, "LAMP") == 0
    assert restock.cancel(Caller(), "LAMP") == 0
    assert not Subscription.objects.exists()


def test_many_that_come_back_cost_as_many_queries_as_one(
    lamp: Variant, restocked: Callable[[int], None], django_assert_num_queries: Any
) -> None:
    skus = ["LAMP"]
    for number in range(10):
        master = Master.objects.create(
            name=f"Lamp {number}",
            slug=f"lamp-{number}",
            primary_category=lamp.master.primary_category,
            status="active",
        )
        variant = Variant.objects.create(master=master, sku=f"LAMP-{number}")
        StockItem.objects.create(variant=variant, on_hand=0)
        skus.append(variant.sku)
    staff = caller_for_user(User.objects.get(email="boss@museo.example"), locale="en")

    def count(*skus: str) -> None:
        counts.write(staff, [{"sku": sku, "delta": 1} for sku in skus], now=timezone.now())

    with CaptureQueriesContext(connection) as one:
        count("LAMP")
    with django_assert_num_queries(len(one)):
        count(*skus[1:9])

    said = [
        event.texts["message"][1]["product"][""] for event in Event.objects.order_by("position")
    ]
    assert said == ["Desk lamp", *(f"Lamp {number}" for number in range(8))]


# the page


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_one_click_on_the_page_and_another_to_give_it_up(lamp: Variant, browser: Client) -> None:
    assert "Tell me when it is back" in text(browser.get(PAGE))

    page = text(browser.post(BACK, {"sku": "LAMP"}, follow=True))
    assert "You are told once it is back." in page
    assert "Do not tell me" in page
    page = text(browser.post(BACK, {"sku": "LAMP", "forget": "1"}, follow=True))

    assert "You are not told of it." in page
    assert "Tell me when it is back" in page


GUEST = {"sku": "LAMP", "email": "noa@example.org"}


def code() -> str:
    found = re.search(r"\b\d{6}\b", str(mail.outbox[-1].body))
    assert found
    return found[0]


def test_a_guest_confirms_an_address_by_a_code_and_is_told_once(
    lamp: Variant, client: Client, restocked: Callable[[int], None]
) -> None:
    page = text(client.get(PAGE))
    assert "/login?next=/p/lamp" in page
    assert "Tell me when it is back" in page

    page = text(client.post(BACK, GUEST))
    assert "A code is on its way to noa@example.org." in page
    wrong = client.post(BACK, {**GUEST, "code": "no"})
    assert (wrong.status_code, "The code that came" in text(wrong)) == (400, True)
    assert Subscription.objects.get().state == "unconfirmed"
    page = text(client.post(BACK, {**GUEST, "code": f" {code()} "}, follow=True))
    assert "You are told once it is back." in page
    for delta in (2, -2, 3):
        restocked(delta)
    tasks.deliver()

    asked, told = mail.outbox
    assert (asked.to, told.to, told.subject) == (
        [GUEST["email"]],
        [GUEST["email"]],
        "Back in stock",
    )


def test_nothing_but_a_code_goes_to_an_address_that_nobody_confirms(
    lamp: Variant, client: Client, restocked: Callable[[int], None]
) -> None:
    assert [client.post(BACK, GUEST).status_code for _try in range(4)] == [200, 200, 200, 429]
    restocked(1)
    tasks.deliver()

    assert len(mail.outbox) == 3
    assert retention.forget_subscriptions(now=timezone.now()) == 0
    assert retention.forget_subscriptions(now=timezone.now() + timedelta(days=2)) == 1
    assert not Contact.objects.exists()


def test_a_strangers_wish_ends_no_guests_and_a_code_is_good_for_one_wish(
    lamp: Variant, client: Client
) -> None:
    client.post(BACK, GUEST)
    client.post(BACK, {**GUEST, "code": code()})
    client.post(BACK, GUEST)

    assert Subscription.objects.get().state == "active"
    other = Variant.objects.create(master=lamp.master, sku="OTHER", option_key="other")
    StockItem.objects.create(variant=other, on_hand=0)
    client.post(BACK, {**GUEST, "sku": "OTHER"})
    refused = client.post(BACK, {**GUEST, "sku": "LAMP", "code": code()})
    assert refused.status_code == 400


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"email": ""}, 400),
        ({"email": "noa"}, 400),
        ({"email": "a" * 9000 + "@example.org"}, 400),
        ({"email": "\0@example.org"}, 400),
        ({"code": "123456"}, 400),
        ({"sku": "NO"}, 404),
    ],
)
def test_a_guest_who_asks_wrongly_is_told_so(
    lamp: Variant, client: Client, given: dict[str, str], status: int
) -> None:
    assert client.post(BACK, {**GUEST, **given}).status_code == status
    assert not Subscription.objects.exists()
    assert mail.outbox == []


def test_it_is_named_in_the_language_of_who_reads(
    lamp: Variant, caller: Caller, restocked: Callable[[int], None]
) -> None:
    lamp.master.set_current_language("de")
    lamp.master.name = "Tischlampe"
    lamp.master.save()
    restocked(1)

    (event,) = Event.objects.filter(type="stock.back")
    names = {locale: render(event, locale)["data"]["message"] for locale in ("en", "de", "fr")}
    assert names["en"].startswith("Desk lamp ")
    assert names["de"].startswith("Tischlampe ")
    assert names["fr"].startswith("Desk lamp ")


def test_what_is_in_stock_offers_no_waiting_and_a_refusal_is_shown(
    lamp: Variant, browser: Client, restocked: Callable[[int], None]
) -> None:
    restocked(1)

    assert "Tell me when it is back" not in text(browser.get(PAGE))
    refused = browser.post(BACK, {"sku": "LAMP"})
    assert (refused.status_code, browser.post(BACK, {"sku": "NO"}).status_code) == (409, 404)
    assert "It can be had again." in text(refused)


def test_a_wish_of_one_event_of_a_batch_takes_the_first(lamp: Variant, caller: Caller) -> None:
    ask(caller)
    topic = f"stock.{lamp.public_id}"
    with log.change() as change:
        for hour in range(3):
            at = timezone.now() + timedelta(hours=hour)
            change.event(topic, "stock.back", {}, at=at, texts=WORDS)
    dispatch()

    first = change.events[0].position
    assert list(Delivery.objects.values_list("position", flat=True)) == [first]
    assert Subscription.objects.get().until == first
