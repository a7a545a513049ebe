"""The inbox: what a person was told, what of it is new, and that reading it is heard elsewhere."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from museo.access.callers import Caller, caller_for_user
from museo.access.models import User
from notifications import inbox, log, notices, receipts
from notifications.models import Event
from tests.notifications.conftest import NOON

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both]
SENDER = Caller(scopes=frozenset({"notify:send"}), who="service:1")
PATH = "/api/v1/notifications"


@pytest.fixture
def maya() -> User:
    return User.objects.create_user("maya@example.org", date_joined=NOON - timedelta(days=1))


@pytest.fixture
def browser(client: Client, maya: User) -> Client:
    client.force_login(maya)
    return client


def say(message: str, **to: Any) -> None:
    notices.send(SENDER, message=message, now=timezone.now(), **to)


def tell(
    user: User,
    type: str = "order.confirmed",
    topic: str = "order.ORD-A",
    *,
    key: str = "order.confirmed.message",
) -> int:
    with log.change() as change:
        change.event(
            topic,
            type,
            {"order_id": topic.removeprefix("order.")},
            at=NOON,
            also=[f"user.{user.pk}"],
            texts={"status_message": [key, {}]} if key else None,
        )
    return change.events[0].position


def caller_of(user: User) -> Caller:
    return caller_for_user(user, locale="en")


def messages(answer: Any) -> list[tuple[str, bool]]:
    found = answer.json()["results"]
    return [
        (each["data"].get("status_message") or each["data"]["message"], each["new"])
        for each in found
    ]


def test_it_holds_what_was_said_to_all_to_oneself_to_ones_group_and_of_ones_orders(
    browser: Client, maya: User
) -> None:
    maya.groups.add(Group.objects.create(name="Night Shift"))
    other = User.objects.create_user("other@example.org")
    tell(maya)
    say("To all")
    say("To Maya", targets=[str(maya.pk)])
    say("To the night", group="Night Shift")
    say("To another", targets=[str(other.pk)])
    say("To staff", group="admin")
    tell(other, topic="order.ORD-B")
    tell(maya, "payment.captured", topic="payment.1", key="")

    answer = browser.get(PATH, headers={"Accept-Language": "en"})

    assert messages(answer) == [
        ("To the night", True),
        ("To Maya", True),
        ("To all", True),
        ("Your order has been confirmed.", True),
    ]
    assert answer.json()["unread"] == 4
    assert answer.json()["next"] is None
    assert answer.json()["results"][3]["topic"] == "order.ORD-A"


def test_it_speaks_the_readers_language(browser: Client, maya: User) -> None:
    tell(maya)

    of_two = [
        messages(browser.get(PATH, headers={"Accept-Language": language}))[0][0]
        for language in ("en", "de")
    ]

    assert of_two[0] != of_two[1]


def test_what_was_said_before_one_came_is_not_ones_own(maya: User) -> None:
    say("Long ago")
    late = User.objects.create_user("late@example.org", date_joined=timezone.now())
    say("Since then")

    page = inbox.read(caller_of(late), limit=10)

    assert [each["data"]["message"] for each in page.told("en")] == ["Since then"]
    assert page.unread == 1


def test_pages_follow_each_other_without_a_gap_or_a_repeat(browser: Client, maya: User) -> None:
    positions = [tell(maya) for _number in range(7)]

    found, address = [], f"{PATH}?limit=3"
    while address:
        answer = browser.get(address).json()
        found += [each["position"] for each in answer["results"]]
        tell(maya)
        address = answer["next"]

    assert found == positions[::-1]
    for cursor in ("x", "-1", "٣", "9" * 40):
        assert browser.get(f"{PATH}?cursor={cursor}").status_code == 400


def test_a_receipt_from_anywhere_makes_it_read(browser: Client, maya: User) -> None:
    first, second = tell(maya), tell(maya)

    answer = browser.post(f"{PATH}/ack", {"position": first}, content_type="application/json")

    assert answer.json() == {"position": first}
    shown = browser.get(PATH).json()
    assert [each["new"] for each in shown["results"]] == [True, False]
    assert (shown["unread"], shown["position"]) == (1, first)
    receipts.acknowledge(caller_of(maya), second, now=NOON)
    assert browser.get(PATH).json()["unread"] == 0
    receipts.acknowledge(caller_of(maya), first, now=NOON)
    assert browser.get(PATH).json()["unread"] == 0


def test_that_something_was_read_is_told_once_and_nobody_answers_that_for_ever(
    maya: User,
) -> None:
    caller, position = caller_of(maya), tell(maya)

    receipts.acknowledge(caller, position, now=NOON)
    # a program acknowledges all that it hears, also that it acknowledged
    for _time in range(3):
        receipts.acknowledge(caller, log.state().head, now=NOON)

    told = Event.objects.filter(type="notification.read").values_list("topic", "data")
    assert list(told) == [(f"user.{maya.pk}", {"position": position})]
    assert inbox.unread(caller) == 0
    assert len(inbox.read(caller, limit=10).events) == 1


def test_a_guest_who_acknowledges_tells_nobody() -> None:
    say("To all")

    receipts.acknowledge(Caller(address="192.0.2.1"), 1, now=NOON)

    assert not Event.objects.filter(type="notification.read").exists()


def test_who_is_nobody_has_no_inbox(client: Client) -> None:
    assert client.get(PATH).status_code == 401
    assert client.get("/notifications").headers["Location"].startswith("/login?next=")


def test_it_costs_the_same_for_many_as_for_one(
    django_assert_max_num_queries: Any, browser: Client, maya: User
) -> None:
    for number in range(30):
        tell(maya, topic=f"order.ORD-{number}")
        say(f"Message {number}", targets=[str(maya.pk)])

    with django_assert_max_num_queries(7) as captured:
        inbox.read(caller_of(maya), limit=1)
    with django_assert_max_num_queries(len(captured)):
        assert len(inbox.read(caller_of(maya), limit=50).events) == 50
    with django_assert_max_num_queries(3):
        assert inbox.unread(caller_of(maya)) == 60


def test_a_page_costs_the_same_for_many_as_for_one(
    django_assert_max_num_queries: Any, browser: Client, maya: User
) -> None:
    tell(maya)
    browser.get("/notifications")
    with django_assert_max_num_queries(20) as captured:
        browser.get("/notifications")
    of_one = len(captured)
    for number in range(20):
        tell(maya, topic=f"order.ORD-{number}")
        say(f"Message {number}", targets=[str(maya.pk)])

    with django_assert_max_num_queries(of_one + 1):
        page = browser.get("/notifications").content.decode()

    assert page.count("data-new>") == 30


def test_more_than_a_hundred_are_not_counted(
    monkeypatch: pytest.MonkeyPatch, browser: Client, maya: User
) -> None:
    monkeypatch.setattr(inbox, "MOST_COUNTED", 3)
    for _number in range(5):
        tell(maya)

    assert browser.get(PATH).json()["unread"] == 3
    assert ">2+</span>" in browser.get("/notifications").content.decode()


def test_the_page_marks_what_is_new_until_it_was_read(browser: Client, maya: User) -> None:
    position = tell(maya)
    say("To Maya", targets=[str(maya.pk)])

    page = browser.get("/notifications").content.decode()
    assert page.count("data-new>") == 2
    assert "2 are new" in page
    assert 'aria-label="What you were told, 2 new"' in page
    assert f'data-inbox="user.{maya.pk}" data-cursor="test0000-2"' in page
    assert 'href="/orders/ORD-A"' in page

    browser.post("/notifications", {"position": str(position)})
    page = browser.get("/notifications").content.decode()
    assert page.count("data-new>") == 1
    browser.post("/notifications", {"position": "2"})
    page = browser.get("/notifications").content.decode()
    assert "data-new>" not in page
    assert "Mark all as read" not in page
    assert 'aria-label="What you were told"' in page


@pytest.mark.parametrize("position", ["", "x", "99", "9" * 40])
def test_a_form_that_was_tampered_with_reads_nothing(
    browser: Client, maya: User, position: str
) -> None:
    tell(maya)

    assert browser.post("/notifications", {"position": position}).status_code == 302

    assert inbox.unread(caller_of(maya)) == 1


def test_what_was_said_is_written_as_text(browser: Client, maya: User) -> None:
    say("<script>alert(1)</script>", targets=[str(maya.pk)])

    page = browser.get("/notifications").content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page


def test_guests_see_no_bell(client: Client) -> None:
    assert "data-inbox" not in client.get("/basket").content.decode()
