"""Readers of the log that keep their own place: each event is worked on once, in order.

    with readers.batch("dispatcher", now=now) as events:
        ...

The work and the moved cursor are one transaction: a reader that dies in the middle has done
nothing, and the next one begins where it began. Any number of processes may run the same reader;
while one works, the others get nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet, Subquery

from notifications import log
from notifications.models import Event, LogHead, Reader

# a reader so far behind holds the log's retention up
LATE_AFTER = timedelta(hours=24)


@contextmanager
def batch(name: str, *, now: datetime, limit: int = 500) -> Iterator[list[Event]]:
    """The next events of the reader `name`; they count as read when the block ends.

    The block is inside `log.change()`, so it may tell events of its own.
    """
    Reader.objects.get_or_create(name=name, defaults={"position": log.state().floor, "at": now})
    with log.change():
        reader = _claimed(Reader.objects.filter(name=name)).first()
        if reader is None:
            # another process is at work on it
            yield []
            return
        events = log.read_after(reader.position, limit=limit)
        yield events
        if events:
            Reader.objects.filter(pk=reader.pk).update(position=events[-1].position, at=now)


def has_read_all(name: str) -> bool:
    """Whether the reader is where the log's head is; asks once, and writes nothing."""
    head = Subquery(LogHead.objects.values("head"))
    return Reader.objects.filter(name=name, position__gte=head).exists()


def behind() -> dict[str, int]:
    """How many events each reader has not read yet."""
    head = log.state().head
    rows = Reader.objects.order_by("name").values_list("name", "position")
    return {name: head - position for name, position in rows}


def late(*, now: datetime, after: timedelta = LATE_AFTER) -> list[Reader]:
    """The readers whose next event happened longer ago than `after`."""
    return [reader for reader in Reader.objects.all() if _is_late(reader, now - after)]


def slowest() -> int | None:
    """The position up to which every reader has read; None where there are no readers."""
    return Reader.objects.order_by("position").values_list("position", flat=True).first()


def _claimed(readers: QuerySet[Reader]) -> QuerySet[Reader]:
    """Locked; SQLite's one writer is lock enough."""
    if connection.vendor == "postgresql":
        return readers.select_for_update(skip_locked=True)
    return readers


def _is_late(reader: Reader, before: datetime) -> bool:
    following = Event.objects.filter(position__gt=reader.position).order_by("position")
    at = following.values_list("at", flat=True).first()
    return at is not None and at < before
