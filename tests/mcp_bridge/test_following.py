"""What sessions follow outlives their process: who may take the place of whom."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mcp_bridge import following
from mcp_bridge.following import Session
from mcp_bridge.models import FollowedResource

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ORDER = "museo://orders/ORD-7K4Q2M9X?ticket=secret"
GUEST = Session(name="a", process="old", who="", client="chat")
NEW = Session(name="b", process="new", who="", client="chat")
MAYA = "user:42"


def keep(session: Session, *uris: str) -> None:
    following.keep(session, uris or [ORDER], now=NOON)


def taken(session: Session, place_of: str = "", *, now: datetime = NOON) -> list[str]:
    sessions = following.before(session, place_of, now=now)
    ended = [each for each, process in sessions.items() if process == "old"]
    return following.take_over(session, place_of, ended, now=now)


def test_a_guest_takes_the_place_of_the_session_they_name_once() -> None:
    keep(GUEST)

    assert taken(NEW) == []
    assert taken(NEW, "other") == []
    assert list(following.before(NEW, "a", now=NOON).values()) == ["old"]
    assert taken(NEW, "a") == [ORDER]
    assert taken(replace(NEW, name="c"), "a") == []


def test_who_signs_in_again_goes_on_by_the_same_program() -> None:
    keep(replace(GUEST, who=MAYA))

    assert taken(replace(NEW, who=MAYA, client="other program")) == []
    assert taken(replace(NEW, who="user:7")) == []
    assert taken(replace(NEW, who=MAYA)) == [ORDER]


def test_a_name_alone_does_not_open_what_somebody_else_followed() -> None:
    keep(replace(GUEST, who=MAYA))

    assert taken(NEW, "a") == []
    assert taken(replace(NEW, who="user:7"), "a") == []
    assert taken(replace(NEW, who=MAYA, client="other program"), "a") == [ORDER]


def test_a_session_that_goes_on_keeps_its_place() -> None:
    keep(replace(GUEST, process="new"))

    assert taken(NEW, "a") == []
    assert list(following.before(NEW, "a", now=NOON).values()) == ["new"]


def test_what_is_followed_no_longer_is_not_taken_over() -> None:
    keep(GUEST, ORDER, "museo://me/orders")
    following.drop("a", ORDER)

    assert taken(NEW, "a") == ["museo://me/orders"]

    keep(GUEST)
    following.end("a", "")
    assert taken(NEW, "a") == []


def test_what_is_followed_again_is_kept_once_and_longer() -> None:
    keep(GUEST)
    later = NOON + timedelta(days=3)
    following.keep(GUEST, [ORDER], now=later)

    row = FollowedResource.objects.get()
    assert row.ends_at == later + following.KEPT_FOR


def test_what_is_kept_ends() -> None:
    keep(GUEST)
    end = NOON + following.KEPT_FOR

    assert taken(NEW, "a", now=end) == []
    assert following.forget_ended(now=end - timedelta(seconds=1)) == 0
    assert following.forget_ended(now=end) == 1


def test_neither_tickets_nor_sessions_can_be_read_in_the_table() -> None:
    keep(replace(GUEST, name="session-name"))

    row = FollowedResource.objects.values().get()
    assert not any("secret" in str(value) or "session-name" in str(value) for value in row.values())


def test_addresses_of_any_length_do_not_fill_the_table() -> None:
    keep(GUEST, f"{ORDER}&x={'x' * following.LONGEST_URI}")

    assert not FollowedResource.objects.exists()
