"""Preferences as they are kept: over REST and on a page, and who is nobody gets the default."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from museo.access.callers import Caller
from museo.access.models import User
from notifications import preferring
from notifications.models import Preference
from notifications.preferences import DEFAULT, Preferences, Window
from notifications.wall_clock import Span

pytestmark = pytest.mark.django_db
# 22:00 in other digits
ARABIC = "\u0662\u0662:\u0660\u0660"
PATH, PAGE = "/api/v1/preferences", "/account/notifications"
WISHES = {
    "channels": {"progress": {"sms": False}, "shop": {"email": False}},
    "quiet_hours": {"starts_at": "22:30", "ends_at": "07:00", "urgent_too": True},
    "digest": {"window": "day", "at": "18:15"},
    "only_arrival": True,
    "fallback": {"after_minutes": 20, "channels": ["webpush", "email"]},
    "time_zone": "Asia/Kathmandu",
}
WANTED = Preferences(
    zone=ZoneInfo("Asia/Kathmandu"),
    off=frozenset({("progress", "sms"), ("shop", "email")}),
    quiet=Span(time(22, 30), time(7)),
    is_urgent_held=True,
    window=Window.DAY,
    digest_at=time(18, 15),
    is_arrival_only=True,
    ladder=("webpush", "email"),
    patience=timedelta(minutes=20),
)


@pytest.fixture
def maya() -> User:
    return User.objects.create_user("maya@example.org")


@pytest.fixture
def browser(client: Client, maya: User) -> Client:
    client.force_login(maya)
    return client


def put(browser: Client, body: Any) -> Any:
    return browser.put(PATH, body, content_type="application/json")


def kept(user: User) -> Preferences:
    who = f"user:{user.pk}"
    return preferring.of_each([who]).get(who, DEFAULT)


def test_what_is_put_is_what_is_read_and_what_the_dispatcher_finds(
    browser: Client, maya: User
) -> None:
    answer = put(browser, WISHES)

    assert answer.status_code == 200
    shown = browser.get(PATH).json()
    assert shown == answer.json()
    assert {name: shown[name] for name in WISHES if name != "channels"} == {
        name: wish for name, wish in WISHES.items() if name != "channels"
    }
    assert shown["channels"]["progress"] == {
        "email": True,
        "sms": False,
        "whatsapp": True,
        "instagram": True,
        "webpush": True,
    }
    assert kept(maya) == WANTED
    maya.refresh_from_db()
    assert maya.time_zone == "Asia/Kathmandu"


def test_what_is_shown_can_be_put_back_unchanged(browser: Client, maya: User) -> None:
    put(browser, WISHES)

    put(browser, browser.get(PATH).json())

    assert kept(maya) == WANTED


def test_put_replaces_all_and_keeps_the_time_zone(browser: Client, maya: User) -> None:
    put(browser, WISHES)

    put(browser, {})

    assert kept(maya) == Preferences(zone=ZoneInfo("Asia/Kathmandu"))


def test_guests_and_programs_have_the_default_and_choose_nothing(client: Client) -> None:
    shown = client.get(PATH).json()

    assert shown["quiet_hours"] is None
    assert shown["digest"] == {"window": "off", "at": "08:00"}
    # the shop's own
    assert shown["time_zone"] == "Europe/Helsinki"
    assert {each["code"]: each["configured"] for each in shown["available"]} == {
        "email": True,
        "sms": False,
        "whatsapp": False,
        "instagram": False,
        "webpush": True,
    }
    assert put(client, WISHES).status_code == 401
    assert not Preference.objects.exists()
    assert preferring.of_each(["ticket:abc", "service:7"]) == {}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"quiet_hours": {"starts_at": "22:00", "ends_at": "22:00"}}, "/quiet_hours/ends_at"),
        ({"quiet_hours": {"starts_at": "06:00", "ends_at": "05:00"}}, "/quiet_hours/ends_at"),
        ({"quiet_hours": {"starts_at": "24:00", "ends_at": "05:00"}}, "/quiet_hours/starts_at"),
        ({"quiet_hours": {"starts_at": ARABIC, "ends_at": "05:00"}}, "/quiet_hours/starts_at"),
        ({"quiet_hours": {"starts_at": "22:00"}}, "/quiet_hours/ends_at"),
        ({"quiet_hours": "always"}, "/quiet_hours"),
        ({"digest": {"window": "week"}}, "/digest/window"),
        ({"channels": {"progress": {"sms": "perhaps"}}}, "/channels/progress/sms"),
        ({"time_zone": "../../etc/passwd"}, "/time_zone"),
        ({"time_zone": "Europe/\0"}, "/time_zone"),
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"only_arrival": 2**70}, "/only_arrival"),
        ({"fallback": {"after_minutes": 5, "channels": ["sms"]}}, "/fallback/channels"),
        ({"fallback": {"after_minutes": 5, "channels": ["sms", "sms"]}}, "/fallback/channels"),
        ({"fallback": {"after_minutes": 5, "channels": ["sms", "pigeon"]}}, "/fallback/channels/1"),
        ({"fallback": {"after_minutes": 2**70, "channels": []}}, "/fallback/after_minutes"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_changed(
    browser: Client, maya: User, body: dict[str, Any], pointer: str
) -> None:
    put(browser, WISHES)

    answer = put(browser, body)

    assert answer.status_code == 400
    assert pointer in {
        error["pointer"].removesuffix("/non_field_errors") for error in answer.json()["errors"]
    }
    assert kept(maya) == WANTED


def test_a_time_zone_that_is_no_longer_one_is_utc(maya: User) -> None:
    Preference.objects.create(user=maya, wishes={}, changed_at=maya.date_joined)
    User.objects.update(time_zone="Mars/Olympus")

    assert kept(maya) == Preferences(zone=ZoneInfo("UTC"))


def test_the_page_shows_switches_and_keeps_what_is_sent(browser: Client, maya: User) -> None:
    put(browser, WISHES)
    page = browser.get(PAGE).content.decode()
    for part in (
        'value="progress:email" aria-label="How an order gets on: E-mail" checked',
        'value="shop:email" aria-label="Messages from the shop: E-mail">',
        'value="22:30"',
        'value="day" checked',
        "<option selected>Asia/Kathmandu</option>",
    ):
        assert part in page, part
    assert "progress:sms" not in page

    sent = browser.post(
        PAGE,
        {
            "on": ["progress:email", "shop:email", "progress:webpush"],
            "quiet": "on",
            "starts_at": "23:00",
            "ends_at": "06:30",
            "window": "hour",
            "fallback": "on",
            "after_minutes": "5",
            "ladder": ["email", "webpush"],
            "at": "",
            "time_zone": "Pacific/Chatham",
        },
    )

    assert sent.status_code == 302
    found = kept(maya)
    # what the page has no switch for is as it was
    assert ("progress", "sms") in found.off
    assert ("progress", "email") not in found.off
    assert {("trouble", "email"), ("shop", "webpush")} <= found.off
    assert (found.quiet, found.window) == (Span(time(23), time(6, 30)), Window.HOUR)
    assert (found.digest_at, found.is_arrival_only) == (time(18, 15), False)
    assert found.zone == ZoneInfo("Pacific/Chatham")
    assert (found.ladder, found.patience) == (("email", "webpush"), timedelta(minutes=5))


def test_the_page_says_what_is_wrong_and_keeps_what_was_typed(browser: Client, maya: User) -> None:
    form = {"quiet": "on", "starts_at": "09:00", "ends_at": "08:00", "window": "off"}

    answer = browser.post(PAGE, {**form, "time_zone": "Europe/Berlin"})

    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Leave at least four hours that are not quiet." in page
    assert 'value="09:00"' in page
    assert 'value="progress:email" aria-label="How an order gets on: E-mail">' in page
    assert browser.post(PAGE, {"window": "off"}).status_code == 400
    assert not Preference.objects.exists()


def test_who_is_not_signed_in_is_asked_to(client: Client) -> None:
    assert client.get(PAGE).headers["Location"].startswith("/login?next=")


def test_many_are_read_by_one_statement(
    django_assert_num_queries: Any, browser: Client, maya: User
) -> None:
    others = [User.objects.create_user(f"{number}@example.org") for number in range(20)]
    for user in others:
        preferring.save(Caller(user_id=user.pk), {"only_arrival": True}, now=maya.date_joined)

    with django_assert_num_queries(1):
        found = preferring.of_each({f"user:{user.pk}" for user in [maya, *others]} | {"service:1"})

    assert len(found) == 20
