"""What is said of an order's events, in every language and every form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.utils.translation import gettext, override

from notifications import letters
from notifications.channels.message import Content, Template
from notifications.envelope import timestamp
from notifications.house import House
from tests.notifications.conftest import NOON

LANGUAGES = [code for code, _name in settings.LANGUAGES]
HOUSE = House("Museo", ZoneInfo("Europe/Helsinki"))
NUMBER, URL = "ORD-7K4Q2M9X", "https://shop.example/t/abc"
STOP = "https://shop.example/stop/abc"
# a status, after how many seconds, and how many minutes are left then
COURIER = [
    ("placed", 0, 12),
    ("confirmed", 120, 10),
    ("preparing", 240, 8),
    ("out_for_delivery", 480, 4),
    ("delivered", 720, None),
]
EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf\ufe0f]")


def envelope(status: str, after: int, locale: str = "en", **data: Any) -> dict[str, Any]:
    """As the log renders it, of an order by courier."""
    with override(locale):
        message = gettext(f"order.{status}.message")
    return {
        "id": "evt_1",
        "type": f"order.{status}",
        "timestamp": timestamp(NOON + timedelta(seconds=after)),
        "topic": f"order.{NUMBER}",
        "position": 1,
        "version": 1,
        "data": {
            "order_id": NUMBER,
            "status": status,
            "status_message": message,
            "eta": timestamp(NOON + timedelta(seconds=720)),
            "step": 1,
            "steps": 4,
            "late": False,
            **data,
        },
    }


def steps(status: str, locale: str) -> list[dict[str, Any]]:
    """As `/track` has them."""
    reached = [each[0] for each in COURIER].index(status)
    found = []
    for index, (code, after, _left) in enumerate(COURIER):
        due = timestamp(NOON + timedelta(seconds=after))
        state = "done" if index < reached else "current" if index == reached else "upcoming"
        with override(locale):
            label = gettext(f"order.{code}.label")
        at = due if index <= reached else None
        found.append({"code": code, "label": label, "state": state, "at": at, "due_at": due})
    return found


def letter(status: str, after: int = 0, locale: str = "en", **more: Any) -> Content:
    given = {"house": HOUSE, "steps": steps(status, locale), "url": URL, "unsubscribe_url": STOP}
    return letters.render(envelope(status, after, locale), locale=locale, **{**given, **more})


@pytest.mark.parametrize(("status", "after", "minutes"), COURIER)
def test_a_letter_says_what_happened_and_how_many_minutes_are_left(
    status: str, after: int, minutes: int | None
) -> None:
    told = letter(status, after)

    expected = f"ETA: {minutes} minutes" if minutes else ""
    for form in (told.text, told.short, told.chat):
        assert expected in form
    if not minutes:
        assert "ETA" not in told.text + told.short + told.chat + told.html
    assert told.thread == f"order.{NUMBER}"
    assert told.url == URL


def test_a_letter_reads_as_it_should() -> None:
    told = letter("preparing", 240)

    assert told.subject == "We are preparing your order"
    assert told.text == (
        "We are preparing your order\n"
        "\n"
        "Your order is being prepared.\n"
        "\n"
        "Order ORD-7K4Q2M9X\n"
        "ETA: 8 minutes\n"
        "\n"
        "- Placed: 14:00\n"
        "- Confirmed: 14:02\n"
        "- Preparing: 14:04\n"
        "- On the way: 14:08\n"
        "- Delivered: 14:12\n"
        "\n"
        "Follow your order: https://shop.example/t/abc\n"
        "\n"
        "-- \n"
        "You get this because you ordered at Museo.\n"
        "\n"
        "Send me no more of these: https://shop.example/stop/abc\n"
    )
    assert told.short == "Your order is being prepared. ETA: 8 minutes"
    assert told.chat == "🔔 Your food is being prepared! 🍳\nETA: 8 minutes"
    assert told.template == Template("order_update", (NUMBER, told.short, URL))


@pytest.mark.parametrize("locale", LANGUAGES)
def test_what_is_too_much_for_one_letter_is_counted(locale: str) -> None:
    besides = [envelope("placed", 0, locale), envelope("confirmed", 120, locale)]
    told = letter("preparing", 240, locale, besides=besides, left_out=4980)

    lines = told.chat.split("\n")
    assert "4980" in lines[2]
    for said in (told.text, told.html, told.short):
        assert said.count(lines[2]) == 1
        assert lines[1] in said


def test_who_has_ordered_in_a_chat_is_told_that_nobody_needs_to_ask() -> None:
    assert letter("placed").chat == (
        "✅ Order placed successfully!\n"
        "Order ORD-7K4Q2M9X\n"
        "ETA: 12 minutes\n"
        "\n"
        "🔔 You'll receive automatic updates!\n"
        "I'll notify you when:\n"
        "- Confirmed (2 minutes)\n"
        "- Preparing (4 minutes)\n"
        "- On the way (8 minutes)\n"
        "- Delivered (12 minutes)\n"
        "No need to ask - I'll keep you posted! 🍽️"
    )


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize(("status", "after", "minutes"), COURIER)
def test_every_language_has_every_form(
    locale: str, status: str, after: int, minutes: int | None
) -> None:
    told = letter(status, after, locale)

    for form in (told.subject, told.text, told.short, told.chat, told.html):
        assert form
        # no key is left as it is
        assert not re.search(r"order\.[a-z]", form)
        assert "%(" not in form
    assert not EMOJI.search(told.subject + told.text + told.short + told.html)
    assert EMOJI.search(told.chat)
    if locale != "en":
        english = letter(status, after)
        assert told.subject != english.subject
        assert told.text != english.text
    if minutes:
        assert str(minutes) in told.short
    direction = "rtl" if locale == "ar" else "ltr"
    assert f'<html lang="{locale}" dir="{direction}">' in told.html


@pytest.mark.parametrize("status", ["cancelled", "failed", "refunded"])
@pytest.mark.parametrize("locale", LANGUAGES)
def test_what_ends_otherwise_promises_nothing(status: str, locale: str) -> None:
    told = letters.render(envelope(status, 300, locale), locale=locale, house=HOUSE, url=URL)

    assert told.subject
    assert told.chat.startswith("🔔")
    assert not re.search(r"\d", told.short)


@pytest.mark.parametrize("reason", ["overdue", "held", "resumed", "revised"])
def test_a_new_time_is_told_unless_the_order_is_on_hold(reason: str) -> None:
    told_by_log = envelope("preparing", 300, eta=timestamp(NOON + timedelta(seconds=1500)))
    told_by_log["type"] = "order.eta_changed"
    told_by_log["data"]["status_message"] = gettext(f"order.eta_changed.{reason}")
    told_by_log["data"]["held"] = reason == "held"

    told = letters.render(told_by_log, locale="en", house=HOUSE, url=URL)

    assert told.subject == "A new time for your order"
    assert ("ETA: 20 minutes" in told.text) == (reason != "held")
    assert told.chat.startswith("🔔 There is a new time for your order.")


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(seconds=12), "ETA: 12 seconds"),
        (timedelta(minutes=3, seconds=1), "ETA: 4 minutes"),
        (timedelta(minutes=90), "ETA: 90 minutes"),
        (timedelta(hours=3), "Expected: 17:00"),
        (timedelta(days=2), "Expected: Sunday 22 November, 14:00"),
    ],
)
def test_what_is_far_away_is_told_by_the_shops_clock(left: timedelta, said: str) -> None:
    told_by_log = envelope("confirmed", 0, eta=timestamp(NOON + left))

    assert letters.render(told_by_log, locale="en", house=HOUSE).short.endswith(said)


class _Pictures(HTMLParser):
    """Tags that could fetch something, and where links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("img", "link", "script", "iframe", "object") or "src" in given:
            self.fetched.append(tag)
        if tag == "a":
            self.links.append(given["href"] or "")


def test_a_letter_fetches_nothing_and_links_only_to_the_order() -> None:
    html = letter("confirmed", 120).html

    found = _Pictures()
    found.feed(html)

    assert found.fetched == []
    assert found.links == [URL, STOP]
    assert "url(" not in html
    assert "prefers-color-scheme: dark" in html


def test_names_are_words_and_never_markup() -> None:
    wild = '<img src=x onerror="alert(1)"> & Söhne'
    told_by_log = envelope("confirmed", 120, status_message=f"{wild} is on it")
    marked = [{**step, "label": wild} for step in steps("confirmed", "en")]

    told = letters.render(
        told_by_log,
        locale="en",
        house=House(wild, HOUSE.zone),
        steps=marked,
        url='https://shop.example/"onclick="x',
    )

    found = _Pictures()
    found.feed(told.html)
    assert found.fetched == []
    assert "<img" not in told.html
    assert '"onclick="' not in told.html
    assert wild in told.text


@pytest.mark.parametrize("locale", LANGUAGES)
def test_a_letter_says_where_to_write_to_and_is_answered_there(locale: str) -> None:
    told = letter("confirmed", 120, locale, house=replace(HOUSE, contact_email="a+b@shop.example"))

    with override(locale):
        said = gettext("Contact")
    assert f"{said}: a+b@shop.example\n" in told.text
    assert 'href="mailto:a%2Bb@shop.example"' in told.html
    assert told.reply_to == "a+b@shop.example"
    plain = letter("confirmed", 120, locale)
    assert plain.reply_to == ""
    assert "mailto:" not in plain.html
    assert f"{said}:" not in plain.text


def test_an_event_of_another_kind_is_told_by_its_message() -> None:
    other: Mapping[str, Any] = {
        "type": "notification",
        "timestamp": timestamp(datetime(2026, 11, 20, tzinfo=UTC)),
        "topic": "user.42",
        "data": {"notification_id": "n", "message": "Closing at eight"},
    }

    told = letters.render(other, locale="de", house=HOUSE)

    assert (told.subject, told.short, told.chat) == ("Closing at eight",) * 3
    assert told.template is None
    assert "Closing at eight" in told.html


def test_a_step_that_will_never_come_is_not_in_the_letter() -> None:
    ended = [{**step, "state": "skipped"} for step in steps("placed", "en")[2:]]

    told = letters.render(
        envelope("cancelled", 60),
        locale="en",
        house=HOUSE,
        steps=[*steps("placed", "en")[:1], *ended],
    )

    assert "- Placed: 14:00" in told.text
    assert "On the way" not in told.text
