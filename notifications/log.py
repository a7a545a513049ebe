"""The append-only log of everything that anybody may want to hear of.

`with log.change() as change:` is the only write transaction of anything that has an event. What
`change.event()` collects is written when the outermost block ends, last and in one order: the
counters of the topics by name, the head, the events. So the order of positions is the order of
commits, a rollback leaves no hole, and a topic's versions are 1, 2, 3 without gaps.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.db import connection, transaction
from django.db.models import OuterRef, Subquery

from museo import sql
from museo.access import context
from museo.access.encryption import unseal
from notifications.appending import Fact, append
from notifications.live import wake
from notifications.models import Event, EventText, EventTopic, LogHead, Topic

_current: ContextVar[Change | None] = ContextVar("change", default=None)


class NoChange(RuntimeError):
    """A fact was told outside `log.change()`: its state change might be rolled back without it."""


class ChangeDoomed(RuntimeError):
    """An inner change failed and an outer one went on; nothing of it may be kept."""


@dataclass
class Change:
    """What one transaction will tell; `events` in the order of telling."""

    events: list[Event] = field(default_factory=list)
    also: list[tuple[str, ...]] = field(default_factory=list)
    doomed: bool = False
    is_open: bool = True
    _afterwards: list[Callable[[], object]] = field(default_factory=list)

    def afterwards(self, act: Callable[[], object]) -> None:
        """Do this once all is committed, outside of any transaction: ask somebody far away.

        A process that dies before it leaves it undone: there must be a row that says so.
        """
        self._afterwards.append(act)

    def event(
        self,
        topic: str,
        type: str,
        data: Mapping[str, Any],
        *,
        at: datetime,
        also: Sequence[str] = (),
        texts: Mapping[str, Any] | None = None,
        own_text: Mapping[str, Any] | None = None,
    ) -> None:
        """Tell that something happened `at`; `also` are the other topics that hear of it.

        `texts` are keys that are rendered by locale, `own_text` free text, which is kept apart.
        """
        if not self.is_open:
            raise NoChange(f"{type} was told after its change had ended.")
        named = {**(texts or {}), **dict.fromkeys(own_text or ())}
        call = context.correlation_id()
        event = sql.new(
            Event, topic=topic, type=type, data=dict(data), at=at, texts=named, call=call
        )
        event.own_text = own_text
        self.events.append(event)
        self.also.append(tuple(also))


@contextmanager
def change() -> Iterator[Change]:
    """One write transaction with its events; inside another it joins that one."""
    outer = _current.get()
    if outer is not None:
        try:
            yield outer
        except BaseException:
            outer.doomed = True
            raise
        return
    this = Change()
    token = _current.set(this)
    try:
        with transaction.atomic(durable=True):
            yield this
            if this.doomed:
                raise ChangeDoomed("an inner change failed")
            this.is_open = False
            _append(this)
    finally:
        this.is_open = False
        _current.reset(token)
    for act in this._afterwards:
        act()


def current() -> Change:
    """The change that is open; raise NoChange outside of one."""
    found = _current.get()
    if found is None:
        raise NoChange("Open log.change() first.")
    return found


def _append(change: Change) -> None:
    if not change.events:
        return
    facts = [
        Fact(event, dict.fromkeys((event.topic, *also)))
        for event, also in zip(change.events, change.also, strict=True)
    ]
    for event in change.events:
        # what no wake-up can carry is refused while nothing is written: to append is to commit
        orjson.dumps(event.data)

    def tell() -> None:
        wake.wake(wake.batch(epoch=epoch, head=head, events=change.events, also=change.also))

    transaction.on_commit(tell)
    head, epoch = append(facts)


# reading


@dataclass(frozen=True)
class State:
    """Where the log stands: positions in (floor, head] can be read."""

    epoch: str
    floor: int
    head: int


def state() -> State:
    row = LogHead.objects.values_list("epoch", "floor", "head").get()
    return State(*row)


class BadCursor(ValueError):
    """Neither `<epoch>-<position>` nor a position."""


@dataclass(frozen=True)
class Cursor:
    """The last position that a client has; `epoch` None where it named only the position."""

    position: int
    epoch: str | None = None

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read `Last-Event-ID` or `?after=`; raise BadCursor."""
        epoch, dash, digits = text.strip().rpartition("-")
        is_number = digits.isascii() and digits.isdigit() and len(digits) <= 18
        if not is_number or (dash and not epoch.isalnum()):
            raise BadCursor(text[:40])
        return cls(int(digits), epoch or None)

    def is_known(self, state: State) -> bool:
        """False: another epoch, pruned or from the future; the client must start anew."""
        is_this_log = self.epoch in (None, state.epoch)
        return is_this_log and state.floor <= self.position <= state.head


def format_cursor(epoch: str, position: int) -> str:
    return f"{epoch}-{position}"


def read(
    topics: Iterable[str], *, after: int, until: int | None = None, limit: int = 1000
) -> list[Event]:
    """The events that these topics hear, in order of position, after a position."""
    heard = EventTopic.objects.filter(topic__in=list(topics), position__gt=after)
    if until is not None:
        heard = heard.filter(position__lte=until)
    positions = heard.order_by("position").values_list("position", flat=True).distinct()[:limit]
    events = Event.objects.filter(position__in=list(positions)).order_by("position")
    return _with_own_text(list(events))


def read_newest(topics: Iterable[str], *, until: int, limit: int) -> list[Event]:
    """The last events that these topics hear up to a position, oldest first."""
    heard = EventTopic.objects.filter(topic__in=list(topics), position__lte=until)
    positions = heard.order_by("-position").values_list("position", flat=True).distinct()[:limit]
    events = Event.objects.filter(position__in=list(positions)).order_by("position")
    return _with_own_text(list(events))


def read_heard_by_each(
    wanted: Sequence[tuple[Collection[str], int]], *, until: int, limit: int = 5000
) -> tuple[list[tuple[Event, tuple[str, ...]]], int]:
    """What these topics heard, each after its own position, for many readers in one go.

    Also returns the position up to which that is complete: `until`, or less if there was more.
    """
    after: dict[str, int] = {}
    for topics, position in wanted:
        for topic in topics:
            after[topic] = min(position, after.get(topic, position))
    if not after:
        return [], until
    rows = ", ".join(["(%s, %s)"] * len(after))
    with connection.cursor() as cursor:
        cursor.execute(
            # only placeholders are put in
            f"WITH wanted (topic, after) AS (VALUES {rows})"  # noqa: S608
            " SELECT DISTINCT heard.position FROM wanted"
            " JOIN notifications_eventtopic heard"
            " ON heard.topic = wanted.topic AND heard.position > wanted.after"
            " WHERE heard.position <= %s ORDER BY heard.position LIMIT %s",
            [value for pair in after.items() for value in pair] + [until, limit + 1],
        )
        positions = [position for (position,) in cursor.fetchall()]
    if len(positions) > limit:
        positions = positions[:limit]
        until = positions[-1]
    events = Event.objects.filter(position__in=positions).order_by("position")
    return _with_topics(list(events)), until


def read_after(position: int, *, limit: int) -> list[Event]:
    """Every event after the position, in order."""
    events = Event.objects.filter(position__gt=position).order_by("position")
    return _with_own_text(list(events[:limit]))


def read_at(positions: Collection[int]) -> dict[int, Event]:
    """The events at these positions; those that were forgotten are left out."""
    events = _with_own_text(list(Event.objects.filter(position__in=positions)))
    return {event.position: event for event in events}


def renew_epoch() -> str:
    """Give the log a new name: its positions may mean something else than clients remember.

    For whoever restores a backup; every client then starts anew.
    """
    epoch = secrets.token_hex(4)
    LogHead.objects.update(epoch=epoch)
    return epoch


def read_all(*, after: int, until: int, limit: int = 5000) -> list[tuple[Event, tuple[str, ...]]]:
    """Every event in (after, until] with the other topics that hear it, in order."""
    events = Event.objects.filter(position__gt=after, position__lte=until).order_by("position")
    return _with_topics(list(events[:limit]))


def _with_topics(events: list[Event]) -> list[tuple[Event, tuple[str, ...]]]:
    positions = [event.position for event in events]
    if not positions:
        return []
    _with_own_text(events)
    is_without_gap = positions[-1] - positions[0] == len(positions) - 1
    heard = (
        EventTopic.objects.filter(position__range=(positions[0], positions[-1]))
        if is_without_gap
        else EventTopic.objects.filter(position__in=positions)
    )
    topics: dict[int, list[str]] = {position: [] for position in positions}
    for position, topic in heard.order_by("position", "topic").values_list("position", "topic"):
        topics[position].append(topic)
    return [
        (event, tuple(name for name in topics[event.position] if name != event.topic))
        for event in events
    ]


def _with_own_text(events: list[Event]) -> list[Event]:
    positions = [event.position for event in events if None in event.texts.values()]
    if positions:
        rows = EventText.objects.filter(position__in=positions)
        sealed = dict(rows.values_list("position", "sealed"))
        for event in events:
            if event.position in sealed:
                event.own_text = orjson.loads(unseal(sealed[event.position]))
    return events


def newest(topics: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Position and version of each topic's newest event; topics without one are left out."""
    version = Topic.objects.filter(name=OuterRef("topic")).values("version")
    events = Event.objects.filter(topic__in=list(topics), version=Subquery(version))
    return {
        topic: (position, version)
        for topic, position, version in events.values_list("topic", "position", "version")
    }
