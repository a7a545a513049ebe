"""Quiet hours and digests by the clocks of the world, with their changes in spring and autumn."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications import preferences, wall_clock
from notifications.preferences import (
    CATEGORIES,
    LOUD_AT_LEAST,
    Category,
    Plan,
    Preferences,
    Window,
    plan,
)
from notifications.wall_clock import Span
from tests.notifications.conftest import NOON

# a year in which the zone's clock is changed, as oddly as it ever was
YEARS = {
    # by half an hour
    "Australia/Lord_Howe": 2026,
    # a day was left out, at the date line
    "Pacific/Apia": 2011,
    "Pacific/Kiritimati": 1994,
    # never, and a quarter of an hour off
    "Asia/Kathmandu": 2026,
    # at 2:45
    "Pacific/Chatham": 2026,
    # back for Ramadan
    "Africa/Casablanca": 2026,
    # by two hours
    "Antarctica/Troll": 2026,
    "America/St_Johns": 2026,
    # at midnight
    "Asia/Tehran": 2021,
    "America/Sao_Paulo": 2018,
    "Europe/Berlin": 2026,
    "America/New_York": 2026,
}
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# what no clock jumps over but at the date line
MOST_JUMPED = timedelta(hours=2)
ORDER_TYPES = [type for type in CATEGORIES if type.startswith("order.")]


@cache
def changes(name: str) -> list[datetime]:
    """The hours after which the clock of a zone shows another offset, in its year."""
    zone, begin = ZoneInfo(name), datetime(YEARS[name], 1, 1, tzinfo=UTC)
    hours = [begin + HOUR * count for count in range(24 * 368)]
    offsets = [hour.astimezone(zone).utcoffset() for hour in hours]
    pairs = zip(pairwise(hours), pairwise(offsets), strict=True)
    return [hour for (hour, _next), (before, after) in pairs if before != after]


@st.composite
def moments(draw: st.DrawFn) -> tuple[ZoneInfo, datetime]:
    """A zone, and a moment within two days of one of its changes."""
    name = draw(st.sampled_from(sorted(YEARS)))
    near = draw(st.sampled_from(changes(name) or [datetime(2026, 6, 1, tzinfo=UTC)]))
    away = draw(st.integers(-2 * 24 * 3600, 2 * 24 * 3600))
    return ZoneInfo(name), near + timedelta(seconds=away)


times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 29, 30, 31, 45, 59]))


@st.composite
def spans(draw: st.DrawFn) -> Span:
    starts_at, minutes = draw(times), draw(st.integers(1, 20 * 60))
    begin = datetime.combine(NOON, starts_at)
    return Span(starts_at, (begin + MINUTE * minutes).time())


def wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def minutes_after(now: datetime) -> Iterator[datetime]:
    """Whole minutes, at which clocks are changed and quiet hours end."""
    whole = now.replace(second=0, microsecond=0)
    return (whole + MINUTE * count for count in range(1, 4 * 24 * 60))


# what a patient person finds who looks at the clock each minute


def seen_outside(span: Span, now: datetime, zone: ZoneInfo) -> datetime:
    if not span.holds(wall(now, zone).time()):
        return now
    return next(each for each in minutes_after(now) if not span.holds(wall(each, zone).time()))


def seen_at(at: time, now: datetime, zone: ZoneInfo) -> datetime:
    """The first minute after `now` at which the clock shows more than it ever did, and `at`."""
    begin = now - 2 * DAY
    furthest = wall(begin, zone)
    for each in minutes_after(begin):
        shown = wall(each, zone)
        days = (shown.date() - furthest.date()).days
        passed = [datetime.combine(furthest.date() + DAY * count, at) for count in range(days + 1)]
        if each > now and any(furthest < mark <= shown for mark in passed):
            return each
        furthest = max(furthest, shown)
    raise AssertionError("the clock stands still")


def check_quiet_hours(when: tuple[ZoneInfo, datetime], span: Span) -> None:
    zone, now = when
    wanted = Preferences(zone, quiet=span)

    planned = plan(wanted, "order.confirmed", "email", now)

    assert planned.due_at == seen_outside(span, now, zone)
    assert planned.reason == ("quiet_hours" if planned.due_at > now else "")
    assert plan(wanted, "order.delivered", "email", now) == Plan(now)


def check_digests(
    when: tuple[ZoneInfo, datetime], span: Span | None, at: time, window: Window, type: str
) -> None:
    zone, now = when
    wanted = Preferences(zone, quiet=span, is_urgent_held=True, window=window, digest_at=at)

    planned = plan(wanted, type, "sms", now)

    due_at, length = planned.due_at, span.length if span else timedelta(0)
    assert due_at is not None
    if span:
        assert not span.holds(wall(due_at, zone).time())
    if preferences.is_urgent(type):
        assert not planned.is_digest
        assert now <= due_at <= now + length + MOST_JUMPED
        return
    assert (planned.reason, planned.is_digest) == ("digest", True)
    closes_at = {
        Window.QUARTER: now + 15 * MINUTE,
        Window.HOUR: now + HOUR,
        Window.DAY: seen_at(at, now, zone),
    }[window]
    latest = seen_outside(span, closes_at, zone) if span else closes_at
    assert now < due_at <= latest
    if window is Window.DAY:
        assert due_at == latest
        assert closes_at <= now + DAY + MOST_JUMPED
    assert due_at <= now + DAY + length + 2 * MOST_JUMPED


windows = st.sampled_from([Window.QUARTER, Window.HOUR, Window.DAY])
types = st.sampled_from(ORDER_TYPES)


@settings(max_examples=120, deadline=None)
@given(moments(), spans())
def test_nothing_is_sent_in_quiet_hours_nor_later_than_they_end(
    when: tuple[ZoneInfo, datetime], span: Span
) -> None:
    check_quiet_hours(when, span)


@settings(max_examples=60, deadline=None)
@given(moments(), st.none() | spans(), times, windows, types)
def test_a_digest_goes_out_when_its_window_ends_or_quiet_hours_after_it(
    when: tuple[ZoneInfo, datetime], span: Span | None, at: time, window: Window, type: str
) -> None:
    check_digests(when, span, at, window, type)


@pytest.mark.long
@settings(max_examples=20_000, deadline=None)
@given(moments(), spans())
def test_nothing_is_sent_in_quiet_hours_in_twenty_thousand_nights(
    when: tuple[ZoneInfo, datetime], span: Span
) -> None:
    check_quiet_hours(when, span)


@pytest.mark.long
@settings(max_examples=5_000, deadline=None)
@given(moments(), st.none() | spans(), times, windows, types)
def test_a_digest_goes_out_in_time_on_five_thousand_days(
    when: tuple[ZoneInfo, datetime], span: Span | None, at: time, window: Window, type: str
) -> None:
    check_digests(when, span, at, window, type)


def test_each_zone_changes_its_clock_in_its_year_but_one() -> None:
    assert [name for name in YEARS if not changes(name)] == ["Asia/Kathmandu"]
    jumps = {
        abs(
            (hour + HOUR).astimezone(ZoneInfo(name)).utcoffset()  # type: ignore[operator]
            - hour.astimezone(ZoneInfo(name)).utcoffset()
        )
        for name in YEARS
        for hour in changes(name)
    }
    assert {30 * MINUTE, HOUR, 2 * HOUR, DAY} <= jumps
    assert max(jumps - {DAY}) < LOUD_AT_LEAST


BERLIN = ZoneInfo("Europe/Berlin")


def of_berlin(month: int, day: int, hour: int, minute: int, fold: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("span", "now", "due_at"),
    [
        # the end is jumped over: it has come when the clock jumps, at three
        ((22, 0, 2, 30), of_berlin(3, 28, 23, 0), of_berlin(3, 29, 3, 0)),
        # all of it is jumped over
        ((2, 15, 2, 45), of_berlin(3, 29, 1, 59), of_berlin(3, 29, 1, 59)),
        # the hour that comes twice has quiet minutes twice
        ((22, 0, 2, 30), of_berlin(10, 25, 2, 10), of_berlin(10, 25, 2, 30)),
        ((22, 0, 2, 30), of_berlin(10, 25, 2, 40), of_berlin(10, 25, 2, 40)),
        ((22, 0, 2, 30), of_berlin(10, 25, 2, 10, fold=1), of_berlin(10, 25, 2, 30, fold=1)),
        # the clock is put back to before it begins
        ((2, 30, 5, 0), of_berlin(10, 25, 2, 45), of_berlin(10, 25, 2, 0, fold=1)),
        ((22, 0, 7, 0), of_berlin(10, 24, 23, 0), of_berlin(10, 25, 7, 0)),
    ],
)
def test_the_nights_on_which_berlin_changes_its_clocks(
    span: tuple[int, int, int, int], now: datetime, due_at: datetime
) -> None:
    quiet = Span(time(*span[:2]), time(*span[2:]))

    assert wall_clock.first_outside(quiet, now, BERLIN) == due_at


def test_a_daily_digest_goes_out_once_on_every_day() -> None:
    spring = [of_berlin(3, 28, 2, 30), of_berlin(3, 29, 3, 0), of_berlin(3, 30, 2, 30)]
    autumn = [of_berlin(10, 24, 2, 30), of_berlin(10, 25, 2, 30), of_berlin(10, 26, 2, 30)]

    for days in (spring, autumn):
        for today, tomorrow in pairwise(days):
            assert wall_clock.next_at(time(2, 30), today, BERLIN) == tomorrow
    second = of_berlin(10, 25, 2, 30, fold=1)
    assert wall_clock.next_at(time(2, 30), second - MINUTE, BERLIN) == autumn[2]


def test_a_switch_is_of_a_category_and_a_channel() -> None:
    wanted = Preferences(off=frozenset({("progress", "sms"), ("shop", "email")}))

    assert plan(wanted, "order.delivered", "sms", NOON) == Plan(None, "not_wanted")
    assert plan(wanted, "order.delivered", "email", NOON) == Plan(NOON)
    assert plan(wanted, "order.failed", "sms", NOON) == Plan(NOON)
    assert plan(wanted, "notification", "email", NOON) == Plan(None, "not_wanted")
    assert plan(wanted, "trial.told", "email", NOON) == Plan(NOON)


def test_security_is_told_whatever_is_switched_off_and_at_once() -> None:
    off = frozenset({(category.value, "email") for category in Category})
    wanted = Preferences(off=off, window=Window.DAY)

    assert plan(wanted, "access.revoked", "email", NOON) == Plan(NOON)


def test_who_waits_for_the_door_bell_hears_that_it_comes_is_here_or_never_will() -> None:
    wanted = Preferences(is_arrival_only=True)

    told = {type for type in ORDER_TYPES if plan(wanted, type, "email", NOON).due_at}

    assert told == {
        "order.out_for_delivery",
        "order.delivered",
        "order.cancelled",
        "order.failed",
        "order.refunded",
    }


def test_a_ladder_has_a_rung_for_each_channel_that_an_event_reaches() -> None:
    wanted = Preferences(ladder=("webpush", "email", "sms"), patience=10 * MINUTE)

    def due(channel: str, *reached: str) -> Plan:
        rung = preferences.rung(wanted, channel, reached)
        return preferences.plan_rung(wanted, "order.delivered", channel, NOON, rung=rung)

    everything = ("webpush", "email", "sms", "whatsapp")
    assert due("webpush", *everything) == Plan(NOON)
    assert due("email", *everything) == Plan(NOON + 10 * MINUTE, "fallback")
    assert due("sms", *everything) == Plan(NOON + 20 * MINUTE, "fallback")
    assert due("whatsapp", *everything) == Plan(NOON)
    assert due("sms", "sms", "email") == Plan(NOON + 10 * MINUTE, "fallback")
    assert due("sms", "sms") == Plan(NOON)


def test_a_rung_waits_for_the_end_of_quiet_hours_and_a_digest_has_none() -> None:
    night = Span(time(11), time(13))
    wanted = Preferences(quiet=night, ladder=("email", "sms"), patience=10 * MINUTE)

    later = preferences.plan_rung(wanted, "order.confirmed", "sms", NOON, rung=1)
    gathered = Preferences(window=Window.HOUR, ladder=("email", "sms"))
    together = preferences.plan_rung(gathered, "order.confirmed", "sms", NOON, rung=1)
    unwanted = Preferences(ladder=("email", "sms"), off=frozenset({("progress", "sms")}))

    assert later == Plan(NOON + HOUR + 10 * MINUTE, "fallback")
    assert together == Plan(NOON + HOUR, "digest", is_digest=True)
    assert preferences.plan_rung(unwanted, "order.confirmed", "sms", NOON, rung=1) == Plan(
        None, "not_wanted"
    )
