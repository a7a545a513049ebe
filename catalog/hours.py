"""Opening hours as plain data and pure functions, on the clock of the shop's own time zone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
WEEK = 7


@dataclass(frozen=True)
class Hours:
    """Open on a weekday (0 is Monday) from one time to another, which may be on the next day."""

    weekday: int
    opens_at: time
    closes_at: time


Spans = Sequence[Hours]


def is_open(hours: Spans, now: datetime, *, zone: ZoneInfo) -> bool:
    """Without hours it is always open."""
    return not hours or any(begin <= now < end for begin, end in _around(hours, now, zone))


def opens_next(hours: Spans, now: datetime, *, zone: ZoneInfo) -> datetime:
    """When it is open: `now` if it is so already, else the next opening."""
    if is_open(hours, now, zone=zone):
        return now
    return min(begin for begin, _end in _around(hours, now, zone) if begin > now)


def _around(hours: Spans, now: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """The spans from yesterday, which may last over midnight, to the same day of next week."""
    today = now.astimezone(zone).date()
    for days in range(-1, WEEK + 1):
        day = today + days * DAY
        for span in hours:
            if span.weekday == day.weekday():
                yield _span(span, day, zone)


def _span(span: Hours, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    last = day if span.closes_at > span.opens_at else day + DAY
    begin = datetime.combine(day, span.opens_at, tzinfo=zone)
    return begin, datetime.combine(last, span.closes_at, tzinfo=zone)
