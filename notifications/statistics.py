"""How the shop is doing right now, in numbers that say nothing of anybody.

A reader of the log counts events by type: by the minute for an hour, by the hour for two days. Its
counts and its cursor move in one transaction, so each event counts once, whoever dies. What became
of deliveries is counted from their own rows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, DateTimeField, OuterRef, Subquery

from museo import sql
from notifications import log, readers
from notifications.envelope import timestamp
from notifications.models import Delivery, Event, Reader, Tally

NAME = "statistics"
HOUR = timedelta(hours=1)
# latencies are taken from so many deliveries, the newest
MOST_TIMED = 2000
MOST_COUNTED = 10_000
# of orders, what is counted by itself
ORDERS = ("placed", "delivered", "cancelled")
Span = Tally.Span


@dataclass(frozen=True)
class Scale:
    """Spans of one length: how long one is, and how many of the last ones are kept."""

    span: Span
    length: timedelta
    kept: int

    def begin(self, at: datetime) -> datetime:
        """When the span begins in which this moment lies, by UTC."""
        hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return hour + (at - hour) // self.length * self.length

    def first(self, now: datetime) -> datetime:
        """When the oldest one begins that is kept."""
        return self.begin(now) - (self.kept - 1) * self.length

    def begins(self, now: datetime) -> list[datetime]:
        first = self.first(now)
        return [first + number * self.length for number in range(self.kept)]


BY_MINUTE = Scale(Span.MINUTE, timedelta(minutes=1), 60)
BY_HOUR = Scale(Span.HOUR, HOUR, 48)
SCALES = (BY_MINUTE, BY_HOUR)
DAY_OF_HOURS = 24


# counting


def keep(*, now: datetime, limit: int = 5000) -> int:
    """Count the next events; return how many there were."""
    if readers.has_read_all(NAME):
        return 0
    with readers.batch(NAME, now=now, limit=limit) as events:
        if events:
            _add(_counts(events, now=now))
            _forget(now=now)
    return len(events)


def _counts(events: Iterable[Event], *, now: datetime) -> Counter[tuple[str, datetime, str]]:
    """By span, its beginning and type; what happened before those that are kept is left out."""
    oldest = {scale: scale.first(now) for scale in SCALES}
    return Counter(
        (str(scale.span), scale.begin(event.at), event.type)
        for event in events
        for scale in SCALES
        if event.at >= oldest[scale]
    )


def _add(counts: Mapping[tuple[str, datetime, str], int]) -> None:
    if not counts:
        return
    rows = ", ".join(["(%s, %s, %s, %s)"] * len(counts))
    params = [value for key in sorted(counts) for value in (*key, counts[key])]
    sql.changed(
        # only placeholders are put in
        f"INSERT INTO notifications_tally (span, begins_at, type, count) VALUES {rows}"  # noqa: S608
        " ON CONFLICT (span, begins_at, type)"
        " DO UPDATE SET count = notifications_tally.count + EXCLUDED.count",
        params,
    )


def _forget(*, now: datetime) -> None:
    for scale in SCALES:
        Tally.objects.filter(span=scale.span, begins_at__lt=scale.first(now)).delete()


# reading


def realtime(*, now: datetime) -> dict[str, Any]:
    """MCP's `get_realtime_stats`, of the last hour where it does not say otherwise."""
    by_minute, by_hour = _tallies(BY_MINUTE, now), _tallies(BY_HOUR, now)
    hour, day = _sum(by_minute), _sum(by_hour[-DAY_OF_HOURS:])
    head = log.state().head
    return {
        "now": timestamp(now),
        "position": head,
        "behind": head - _position(),
        "events": {
            "hour": hour.total(),
            "day": day.total(),
            "by_type": dict(sorted(hour.items())),
            "per_minute": _series("minute", BY_MINUTE.begins(now), by_minute),
            "per_hour": _series("hour", BY_HOUR.begins(now), by_hour),
        },
        "orders": {"hour": _of_orders(hour), "day": _of_orders(day)},
        "deliveries": _deliveries(now=now),
    }


def _tallies(scale: Scale, now: datetime) -> list[Counter[str]]:
    """The counts by type of each span that is kept, oldest first."""
    begins = scale.begins(now)
    rows = Tally.objects.filter(span=scale.span, begins_at__range=(begins[0], begins[-1]))
    counts: dict[datetime, Counter[str]] = defaultdict(Counter)
    for begin, type, count in rows.values_list("begins_at", "type", "count"):
        counts[begin][type] = count
    return [counts[begin] for begin in begins]


def _sum(counts: Iterable[Counter[str]]) -> Counter[str]:
    return sum(counts, Counter[str]())


def _position() -> int:
    """How far events have been counted."""
    found = Reader.objects.filter(name=NAME).values_list("position", flat=True).first()
    return found or 0


def _series(
    name: str, begins: Sequence[datetime], counts: Sequence[Counter[str]]
) -> list[dict[str, Any]]:
    return [
        {name: timestamp(begin), "events": each.total(), **_of_orders(each)}
        for begin, each in zip(begins, counts, strict=True)
    ]


def _of_orders(counts: Mapping[str, int]) -> dict[str, int]:
    return {word: counts.get(f"order.{word}", 0) for word in ORDERS}


def _deliveries(*, now: datetime) -> dict[str, dict[str, Any]]:
    """By channel: what waits now, what ended in the last hour, and how long sending took.

    That is from when it happened until it was taken: also through quiet hours and further tries.
    """
    ended = Delivery.objects.filter(ended_at__gt=now - HOUR)
    channel, none = "subscription__channel", dict.fromkeys(Delivery.State.values, 0)
    told: dict[str, dict[str, Any]] = defaultdict(lambda: {**none, "latency_seconds": None})
    for rows in (Delivery.objects.waiting(), ended):
        counted = rows.order_by().values_list(channel, "state").annotate(count=Count("pk"))
        for name, state, count in counted:
            told[name][state] = count
    for name, seconds in _latencies(ended, channel).items():
        told[name]["latency_seconds"] = {
            "p50": percentile(seconds, 50),
            "p95": percentile(seconds, 95),
        }
    return dict(sorted(told.items()))


def _latencies(ended: Any, channel: str) -> dict[str, list[float]]:
    happened = Event.objects.filter(position=OuterRef("position")).values("at")
    sent = ended.filter(state=Delivery.State.SENT).order_by("-ended_at")
    rows = sent.annotate(at=Subquery(happened, output_field=DateTimeField()))
    seconds: dict[str, list[float]] = defaultdict(list)
    for name, at, ended_at in rows.values_list(channel, "at", "ended_at")[:MOST_TIMED]:
        if at is not None:
            seconds[name].append(max(0.0, (ended_at - at).total_seconds()))
    return seconds


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many percent of them do not exceed."""
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * percent // 100) - 1)]


# what waits


@dataclass(frozen=True)
class Due:
    """Deliveries whose time has come, counted up to MOST_COUNTED; `seconds` is the first one's."""

    count: int
    seconds: float


def due(*, now: datetime) -> Due:
    waiting = Delivery.objects.pending().filter(due_at__lte=now).order_by("due_at")
    times = waiting.values_list("due_at", flat=True)[:MOST_COUNTED]
    first = times.first()
    seconds = (now - first).total_seconds() if first else 0.0
    return Due(times.count(), seconds)
