"""When a clock on a wall somewhere shows a time, with its changes in spring and autumn.

Moments are in UTC, so that their differences are what passes; a zone says what the clock shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Span:
    """From a time of the day until another, which it leaves out; over midnight if that is earlier.

    Neither is the other: that would be always, or never.
    """

    starts_at: time
    ends_at: time

    def holds(self, shown: time) -> bool:
        if self.starts_at < self.ends_at:
            return self.starts_at <= shown < self.ends_at
        return shown >= self.starts_at or shown < self.ends_at

    @property
    def length(self) -> timedelta:
        return _way(self.starts_at, self.ends_at)


def first_outside(span: Span, now: datetime, zone: tzinfo) -> datetime:
    """The next moment, or `now`, at which the clock shows no time of the span.

    A clock that jumps over the end has left the span where it jumps. One that is put back into
    the span is in it once more.
    """
    moment = now.astimezone(UTC)
    while span.holds(shown := moment.astimezone(zone).time()):
        end = moment + _way(shown, span.ends_at)
        moment = _change(moment, end, zone) or end
    return moment


def next_at(at: time, now: datetime, zone: tzinfo) -> datetime:
    """The next moment after `now` at which the clock shows a time for the first time that day.

    A clock that jumps over it shows it where it jumps.
    """
    today = now.astimezone(zone).date()
    shown = (_first(datetime.combine(day, at), zone) for day in _days(today))
    return min(moment for moment in shown if moment > now)


def _days(today: date) -> list[date]:
    # a day that was left out, as at the date line, shows its times when the next one begins
    return [today + timedelta(days=count) for count in range(-1, 4)]


def _first(wall: datetime, zone: tzinfo) -> datetime:
    early, late = sorted(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early.astimezone(zone).replace(tzinfo=None) == wall:
        return early
    # no clock shows it: the jump is between the two
    return _change(early, late, zone) or late


def _change(after: datetime, until: datetime, zone: tzinfo) -> datetime | None:
    """When the clock is first changed in (after, until]; None if it is not."""
    offset = _offset(after, zone)
    if _offset(until, zone) == offset:
        return None
    # clocks are changed at whole seconds
    low, high = int(after.timestamp()), -int(-until.timestamp() // 1)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(datetime.fromtimestamp(middle, UTC), zone) == offset:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def _offset(moment: datetime, zone: tzinfo) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()


def _way(since: time, until: time) -> timedelta:
    """How far a clock's hands go from one time to the next such time."""
    return (_of_day(until) - _of_day(since)) % DAY or DAY


def _of_day(at: time) -> timedelta:
    return timedelta(
        hours=at.hour, minutes=at.minute, seconds=at.second, microseconds=at.microsecond
    )
