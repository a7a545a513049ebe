"""What an order's page is for besides looking: being told, passing it on, the way back to it."""

import json
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from museo.access.callers import caller_for_user
from museo.access.models import User
from museo.access.tokens import digest
from notifications import subscriptions
from notifications.models import Subscription
from orders import delays, lifecycle, tracking
from orders.models import Order, OrderTicket
from tests.notifications.channels.conftest import NUMBER
from tests.notifications.channels.conftest import _no_open_calls as _no_open_calls
from tests.notifications.channels.conftest import twilio as twilio
from tests.notifications.channels.twilio_server import Twilio
from tests.orders.conftest import FORM, SellLamp

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("full_buckets")]


def text(response: Any) -> str:
    return str(response.content.decode())


@pytest.fixture
def order(client: Client, sell: SellLamp) -> Order:
    """Bought by a guest in this browser."""
    sell()
    client.post("/basket/add", {"sku": "LAMP", "quantity": "1"})
    client.post("/checkout", FORM)
    return Order.objects.get()


@pytest.mark.parametrize(
    ("delivery", "said", "unsaid"),
    [
        ("courier", ["At your door by", "What should the courier know?"], ["Ready by"]),
        ("pickup", ["Ready by"], ["At your door by", "What should the courier know?"]),
    ],
)
def test_only_what_goes_to_a_door_says_when_it_is_there(
    client: Client, sell: SellLamp, delivery: str, said: list[str], unsaid: list[str]
) -> None:
    sell()
    client.post("/basket/add", {"sku": "LAMP", "quantity": "1"})
    total = "13290" if delivery == "courier" else "12900"
    client.post("/checkout", {**FORM, "delivery": delivery, "expected_total": total})

    page = text(client.get(f"/orders/{Order.objects.get().number}"))

    assert [words for words in (*said, *unsaid) if words in page] == said


def tell(client: Client, order: Order, **typed: str) -> Any:
    return client.post(f"/orders/{order.number}/notify", typed, follow=True)


def mails(order: Order) -> Subscription:
    return Subscription.objects.get(topic=order.topic, channel="email")


@pytest.mark.parametrize("asked", [{"off": "1"}, {"code": "123456"}, {"address": "a@example.org"}])
@pytest.mark.parametrize("channel", ["\x00", "post"])
def test_a_channel_that_is_none_is_refused_in_words(
    client: Client, order: Order, channel: str, asked: dict[str, str]
) -> None:
    page = tell(client, order, channel=channel, **asked)

    assert "Choose one of the channels that are offered." in text(page)


def test_mails_of_an_order_are_switched_off_and_on_by_a_guest(client: Client, order: Order) -> None:
    assert 'aria-checked="true"' in text(client.get(f"/orders/{order.number}"))

    page = tell(client, order, channel="email", off="1")
    assert page.redirect_chain[-1][0] == f"/orders/{order.number}#notify"
    assert 'aria-checked="false"' in text(page)
    assert mails(order).state == Subscription.State.PAUSED
    tell(client, order, channel="email", on="1")

    assert mails(order).state == Subscription.State.ACTIVE


def test_a_guest_is_told_by_text_message_once_the_number_is_theirs(
    client: Client, order: Order, twilio: Twilio
) -> None:
    page = tell(client, order, channel="sms", address=NUMBER)
    assert "A code is on its way there" in text(page)
    code = re.search(r"\b\d{6}\b", twilio.taken[-1]["Body"])
    assert code

    wrong = "000000" if code[0] != "000000" else "111111"
    assert "This is not the code" in text(tell(client, order, channel="sms", code=wrong))
    page = tell(client, order, channel="sms", code=code[0])

    wish = Subscription.objects.get(channel="sms")
    assert (wish.topic, wish.address, wish.state) == (order.topic, NUMBER, "active")
    ticket = client.cookies["museo_tickets"].value
    assert wish.who == subscriptions.by_ticket(digest(ticket))
    # who else opens the page does not read the number
    assert NUMBER not in text(page)


@pytest.mark.parametrize("address", ["", "twelve", "\x00"])
def test_a_bad_number_is_said_and_nothing_is_sent(
    client: Client, order: Order, twilio: Twilio, address: str
) -> None:
    page = tell(client, order, channel="sms", address=address)

    assert page.status_code == 200
    assert 'class="note error"' in text(page)
    assert twilio.taken == []


@pytest.mark.parametrize("channel", ["fax", "webhook", "instagram", ""])
def test_only_what_is_offered_can_be_switched(client: Client, order: Order, channel: str) -> None:
    page = tell(client, order, channel=channel, address="https://evil.example/hook")

    assert 'class="note error"' in text(page)
    assert list(Subscription.objects.values_list("channel", flat=True)) == ["email"]


@pytest.mark.parametrize("path", ["notify", "share"])
def test_a_strangers_order_is_not_here(order: Order, path: str) -> None:
    assert Client().post(f"/orders/{order.number}/{path}", {"channel": "email"}).status_code == 404


def test_a_link_is_passed_on_and_opens_the_order_elsewhere(client: Client, order: Order) -> None:
    page = text(client.post(f"/orders/{order.number}/share"))
    link = re.search(r"/t/[\w-]+", page)
    assert link

    neighbour = Client()
    opened = neighbour.get(link[0], follow=True)

    assert opened.redirect_chain == [(f"/orders/{order.number}", 302)]
    assert link[0].rpartition("/")[2] not in text(neighbour.get(f"/orders/{order.number}"))


def test_only_so_many_links_open_an_order(client: Client, order: Order) -> None:
    for _each in range(tracking.MOST_TICKETS):
        client.post(f"/orders/{order.number}/share")

    page = client.post(f"/orders/{order.number}/share", follow=True)

    assert "links open this order already" in text(page)
    assert OrderTicket.objects.count() == tracking.MOST_TICKETS


def test_a_late_order_says_why_and_both_times(client: Client, order: Order) -> None:
    page = text(client.get(f"/orders/{order.number}"))
    assert re.search(r'class="note warn late"[^>]* hidden', page)
    staff = User.objects.create_superuser("staff@example.org", "secret-words")
    delays.revise(
        caller_for_user(staff, locale="en"),
        order.number,
        eta=order.eta + timedelta(minutes=8),
        now=order.placed_at,
    )

    page = text(client.get(f"/orders/{order.number}"))

    assert not re.search(r'class="note warn late"[^>]* hidden', page)
    assert "There is a new time for your order." in page
    assert "We said" in page
    assert "Now it is" in page


def test_an_order_on_hold_says_so_and_no_new_time(client: Client, order: Order) -> None:
    staff = caller_for_user(User.objects.create_superuser("staff@example.org"), locale="en")
    delays.hold(staff, order.number, now=order.placed_at)

    page = text(client.get(f"/orders/{order.number}"))

    assert "<b data-late-why>Your order is on hold for a moment." in page
    assert re.search(r"<span data-late-times hidden>", page)


def test_going_back_to_the_checkout_after_paying_shows_the_order(
    client: Client, order: Order
) -> None:
    assert client.get("/checkout").headers["Location"] == f"/orders/{order.number}"
    Order.objects.update(placed_at=order.placed_at - timedelta(hours=1))
    assert client.get("/checkout").headers["Location"] == "/basket"


def test_every_page_shows_the_order_under_way_until_it_is_over(
    client: Client, order: Order
) -> None:
    assert f'class="livepill" href="/orders/{order.number}"' in text(client.get("/"))
    assert "livepill" not in text(client.get(f"/orders/{order.number}"))
    assert "livepill" not in text(Client().get("/"))

    Order.objects.update(status=lifecycle.DELIVERED, next_step_at=None, ended_at=order.eta)

    assert "livepill" not in text(client.get("/"))


def test_staff_are_not_shown_other_peoples_orders_as_theirs(order: Order) -> None:
    staff = Client()
    staff.force_login(User.objects.create_superuser("staff@example.org", "secret-words"))

    assert "livepill" not in text(staff.get("/"))
    assert order.number not in text(staff.get("/orders"))


@pytest.mark.parametrize(
    ("minutes", "left"),
    [(0, (0, "min")), (0.1, (1, "min")), (90, (90, "min")), (91, (2, "h")), (2161, (2, "d"))],
)
def test_what_is_far_away_is_counted_in_hours_and_days(
    noon: datetime, minutes: float, left: tuple[int, str]
) -> None:
    now = noon

    assert lifecycle.left(now + timedelta(minutes=minutes), now=now) == left
    assert lifecycle.left(now - timedelta(hours=1), now=now) == (0, "min")


def test_machines_read_the_order_without_names(client: Client, order: Order) -> None:
    page = text(client.get(f"/orders/{order.number}"))

    block = re.search(r'<script type="application/ld\+json">(.*?)</script>', page)
    assert block
    told = json.loads(block[1])
    assert (told["orderNumber"], told["price"]) == (order.number, "132.90")
    assert order.name not in block[1]
    assert '<meta name="robots" content="noindex">' in page
