"""What must be true of the log and of what is told of it; and how such things are looked at.

An invariant is looked at in slices, each of them one statement with a snapshot of its own: a long
one would hold back what the database has to tidy up, and halve the rate of appends. A slice that
takes longer than it may is stopped and made smaller.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson
from django.conf import settings
from django.db import OperationalError, connection, transaction

from museo import sql
from notifications.wishes import wants

# what there is of it differs; nothing comes from outside
# ruff: noqa: S608

MOST_NAMED = 10
# rows of a slice: the first one, and so many that all they bring finds room
FIRST_SLICE, LARGEST_SLICE = 1_000, 20_000
# what a slice should take, and what PostgreSQL stops it after
USUAL_SECONDS = 0.4
LONGEST_SECONDS = 2
# to PostgreSQL: plan for these very bounds, look up what belongs to them instead of reading whole
# tables, and leave the other cores to the shop
AS_A_SLICE = {
    "enable_seqscan": "off",
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
}
# a wish that was changed holds for what happens after all that went on meanwhile is over
SETTLED = (
    "datetime(s.changed_at, '+10 minutes')"
    if connection.vendor == "sqlite"
    else "s.changed_at + INTERVAL '10 minutes'"
)
# claimed anew within a second, but for those that wait for others at the same address
LEASE_IS_FORGOTTEN = timedelta(minutes=15)
# a delivery that may be forgotten today ended a good while after its event
A_DAY = timedelta(days=1)

Params = Mapping[str, Any]


def _first(row: tuple[Any, ...]) -> str:
    return str(row[0])


def _none(_now: datetime) -> Params:
    return {}


@dataclass(frozen=True)
class Invariant:
    """`offenders` finds those rows of `table` that break it, `key` in (%(after)s, %(upto)s].

    `named` says what such a row is; nothing if SQL could not see that it is right. `params` are
    further values, by the time.
    """

    name: str
    table: str
    offenders: str
    key: str = "id"
    # what is before the first key
    before: int | str = 0
    named: Callable[[tuple[Any, ...]], str] = _first
    params: Callable[[datetime], Params] = _none


@dataclass(frozen=True)
class Finding:
    """How many rows were looked at, how many break the invariant, and the first of those."""

    name: str
    looked_at: int = 0
    broken: int = 0
    offenders: list[str] = field(default_factory=list)
    # of the slice that took longest
    slowest: float = 0


def look(invariant: Invariant, *, now: datetime) -> Finding:
    finding = Finding(invariant.name)
    for count, offenders, seconds in _slices(invariant, invariant.params(now)):
        finding = Finding(
            invariant.name,
            finding.looked_at + count,
            finding.broken + len(offenders),
            (finding.offenders + offenders)[:MOST_NAMED],
            max(finding.slowest, seconds),
        )
    return finding


def broken(invariants: Iterable[Invariant], *, now: datetime) -> list[Finding]:
    """What was found of those that do not hold."""
    found = (look(invariant, now=now) for invariant in invariants)
    return [finding for finding in found if finding.broken]


def _slices(invariant: Invariant, params: Params) -> Iterator[tuple[int, list[str], float]]:
    """Of each: how many rows, which break it, and how long it took."""
    after, size = invariant.before, FIRST_SLICE
    while bounds := _next(invariant, after, size):
        upto, count = bounds
        began = time.monotonic()
        try:
            offenders = _offenders(invariant, {**params, "after": after, "upto": upto}, size)
        except OperationalError as error:
            if size == 1 or not _was_stopped(error):
                raise
            size = max(1, size // 8)
            continue
        seconds = time.monotonic() - began
        yield count, offenders, seconds
        after = upto
        if seconds > USUAL_SECONDS:
            size = max(1, size // 2)
        elif seconds < USUAL_SECONDS / 2:
            size = min(size * 2, LARGEST_SLICE)


def _next(invariant: Invariant, after: int | str, size: int) -> tuple[int | str, int] | None:
    """The last key of the slice, and how many rows it has; None if there are no more."""
    key, table = invariant.key, invariant.table
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT MAX({key}), COUNT(*) FROM"
            f" (SELECT {key} FROM {table} WHERE {key} > %s ORDER BY {key} LIMIT %s) slice",
            [after, size],
        )
        upto, count = cursor.fetchone()
    return (upto, count) if count else None


def _offenders(invariant: Invariant, params: Params, size: int) -> list[str]:
    with _limit(size), connection.cursor() as cursor:
        cursor.execute(invariant.offenders, {name: sql.value(params[name]) for name in params})
        named = (invariant.named(row) for row in cursor.fetchall())
        return [offender for offender in named if offender]


@contextmanager
def _limit(size: int) -> Iterator[None]:
    """How long a statement may take, if it could be smaller; SQLite has no such limit."""
    if connection.vendor != "postgresql" or size == 1:
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        for name, value in AS_A_SLICE.items():
            cursor.execute(f"SET LOCAL {name} = {value}")
        cursor.execute(f"SET LOCAL statement_timeout = '{LONGEST_SECONDS}s'")
        yield
        for name in ("statement_timeout", *AS_A_SLICE):
            cursor.execute(f"SET LOCAL {name} TO DEFAULT")


def _was_stopped(error: OperationalError) -> bool:
    """By the limit."""
    return getattr(error.__cause__, "sqlstate", "") == "57014"


# of deliveries


def _missing(row: tuple[Any, ...]) -> str:
    """SQL has asked for the type, roughly."""
    subscription, position, type_, data, types, where = row
    asked = {"types": orjson.loads(types), "where": orjson.loads(where)}
    is_wanted = wants(type_, orjson.loads(data), **asked)
    return f"{subscription} has no delivery of position {position}" if is_wanted else ""


def _since(ago: Callable[[], timedelta], now: datetime) -> Params:
    return {"now": now, "since": now - ago()}


def _are_kept() -> timedelta:
    """How long deliveries are, at least."""
    return timedelta(days=settings.MUSEO_DELIVERY_DAYS) - A_DAY


# of a slice of the log, what a subscription may have wanted that has no delivery; its topics are
# few, so whoever subscribed to them is looked up first
_UNSENT = f"""
    WITH heard AS (
        SELECT heard.topic, event.position, event.type, event.at
        FROM notifications_event event
        JOIN notifications_eventtopic heard ON heard.position = event.position
        WHERE event.position > %(after)s AND event.position <= %(upto)s
            AND heard.position > %(after)s AND heard.position <= %(upto)s
            AND event.position <= (
                SELECT position FROM notifications_reader WHERE name = 'dispatcher'
            )
            AND event.at > %(since)s
    ),
    topics AS (SELECT DISTINCT topic FROM heard),
    asked AS (
        SELECT topics.topic, s.id FROM topics
        JOIN notifications_subscription s ON s.topic = topics.topic
        UNION ALL
        SELECT topics.topic, further.subscription_id FROM topics
        JOIN notifications_furthertopic further ON further.topic = topics.topic
    ),
    unsent AS (
        SELECT s.public_id, s.types, s.filter, heard.position
        FROM asked
        JOIN notifications_subscription s ON s.id = asked.id
        JOIN heard ON heard.topic = asked.topic
        LEFT JOIN notifications_delivery d
            ON d.subscription_id = s.id AND d.position = heard.position
        WHERE d.id IS NULL
            AND s.after < heard.position AND (s.until IS NULL OR heard.position <= s.until)
            AND NOT s.is_once
            AND (s.expires_at IS NULL OR s.expires_at > %(now)s)
            AND (s.changed_at IS NULL OR {SETTLED} < heard.at)
            AND (
                CAST(s.types AS TEXT) = '[]'
                OR CAST(s.types AS TEXT) LIKE '%%"' || heard.type || '"%%'
            )
    )
    SELECT unsent.public_id, event.position, event.type, event.data, unsent.types, unsent.filter
    FROM unsent JOIN notifications_event event ON event.position = unsent.position
"""


of_events = partial(Invariant, table="notifications_event", key="position")
INVARIANTS = (
    of_events(
        "positions have no hole",
        offenders="""
        SELECT 'position ' || (previous + 1) FROM (
            SELECT position,
                LAG(position, 1, CASE WHEN floor > %(after)s THEN floor ELSE %(after)s END)
                    OVER (ORDER BY position) AS previous
            FROM notifications_event, notifications_loghead
            WHERE position > %(after)s AND position <= %(upto)s AND position > floor
        ) neighbours
        WHERE position <> previous + 1
        """,
    ),
    Invariant(
        "the head is the position of the newest event",
        "notifications_loghead",
        """
        SELECT 'head ' || head FROM notifications_loghead
        WHERE id > %(after)s AND id <= %(upto)s AND head > floor
            AND head <> COALESCE((SELECT MAX(position) FROM notifications_event), 0)
        """,
    ),
    Invariant(
        "versions of each topic have no hole",
        "notifications_event",
        """
        SELECT told.topic || COALESCE(
            ' has ' || told.events || ' events up to version ' || told.newest || ' of '
            || counter.version, ' has no counter'
        )
        FROM (
            SELECT topic, COUNT(*) AS events, MIN(version) AS oldest, MAX(version) AS newest
            FROM notifications_event WHERE topic > %(after)s AND topic <= %(upto)s GROUP BY topic
        ) told
        LEFT JOIN (
            SELECT name, version FROM notifications_topic
            WHERE name > %(after)s AND name <= %(upto)s
        ) counter ON counter.name = told.topic
        WHERE counter.name IS NULL
           OR told.newest - told.oldest + 1 <> told.events
           OR told.newest <> counter.version
           OR (told.oldest <> 1 AND (SELECT floor FROM notifications_loghead) = 0)
        """,
        key="topic",
        before="",
    ),
    of_events(
        "every event is heard on its own topic",
        offenders="""
        SELECT 'position ' || event.position FROM notifications_event event
        LEFT JOIN (
            SELECT topic, position FROM notifications_eventtopic
            WHERE position > %(after)s AND position <= %(upto)s
        ) heard ON heard.position = event.position AND heard.topic = event.topic
        WHERE event.position > %(after)s AND event.position <= %(upto)s AND heard.position IS NULL
        """,
    ),
    Invariant(
        "nothing is heard that was not told",
        "notifications_eventtopic",
        """
        SELECT heard.topic || ' at ' || heard.position FROM notifications_eventtopic heard
        LEFT JOIN (
            SELECT position FROM notifications_event
            WHERE position > %(after)s AND position <= %(upto)s
        ) event ON event.position = heard.position
        WHERE heard.position > %(after)s AND heard.position <= %(upto)s AND event.position IS NULL
          AND heard.position > (SELECT floor FROM notifications_loghead)
        """,
        key="position",
    ),
    of_events(
        "whoever wants an event has a delivery of it, or one that says why not",
        offenders=_UNSENT,
        named=_missing,
        params=partial(_since, _are_kept),
    ),
    Invariant(
        "no delivery is held by one who has gone",
        "notifications_delivery",
        """
        SELECT s.public_id || '-' || d.position || ' is held since its lease ended at ' || d.due_at
        FROM notifications_delivery d JOIN notifications_subscription s ON s.id = d.subscription_id
        WHERE d.id > %(after)s AND d.id <= %(upto)s
            AND d.state = 'pending' AND d.leased_by <> '' AND d.due_at < %(since)s
            AND s.state = 'active' AND (s.rests_until IS NULL OR s.rests_until < %(since)s)
        """,
        params=partial(_since, lambda: LEASE_IS_FORGOTTEN),
    ),
)
