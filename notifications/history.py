"""The log as pages: what a stream brings, for those who ask."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from museo.access.callers import Caller
from notifications import log, topics
from notifications.envelope import render
from notifications.following import parse_cursor, readable
from notifications.models import Event
from notifications.wishes import Filter, wants

MOST_LOOKED_THROUGH = 500


def page(caller: Caller, names: Collection[str], *, after: str, limit: int) -> dict[str, Any]:
    """The events of those topics that the caller may read, after a cursor: from the first on.

    For a cursor of another log: how things stand, and where to go on. Raises BadCursor, NotFound
    and TooManyTopics.
    """
    cursor = parse_cursor(after)
    found = readable(caller, names)
    state = log.state()
    if cursor is not None and not cursor.is_known(state):
        return _reset(found, caller, state)
    position = cursor.position if cursor else 0
    rows = log.read(found, after=position, until=state.head, limit=limit)
    return _shown(rows, caller, state, rows[-1].position if rows else position)


def newest(
    caller: Caller,
    names: Collection[str],
    *,
    types: Collection[str] = (),
    where: Filter | None = None,
    limit: int,
) -> dict[str, Any]:
    """The last events of those topics, oldest first, and where to go on from them.

    Where only some are wanted, they are looked for among the last MOST_LOOKED_THROUGH.
    """
    found = readable(caller, names)
    state = log.state()
    most = MOST_LOOKED_THROUGH if types or where else limit
    rows = [
        event
        for event in log.read_newest(found, until=state.head, limit=most)
        if wants(event.type, event.data, types=types, where=where or {})
    ]
    return _shown(rows[-limit:], caller, state, state.head)


def _shown(
    rows: Collection[Event], caller: Caller, state: log.State, position: int
) -> dict[str, Any]:
    return {
        "events": [render(event, caller.locale) for event in rows],
        "next": log.format_cursor(state.epoch, position),
        "epoch": state.epoch,
    }


def _reset(names: set[str], caller: Caller, state: log.State) -> dict[str, Any]:
    return {
        "type": "reset",
        "events": [],
        "snapshot": topics.snapshots(names, caller.locale),
        "next": log.format_cursor(state.epoch, state.head),
        "epoch": state.epoch,
    }
