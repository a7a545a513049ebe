"""Writes a change's events, last of all: the topics' counters by name, the head, the events.

Whoever holds the head's row keeps everybody else from appending until COMMIT. So PostgreSQL is
given all of it in one statement; SQLite, which has one writer anyway, in one for each table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

import orjson
from django.db import connection

from museo import bulk, sql
from museo.access.encryption import seal
from notifications.models import Event, EventText, EventTopic

EVENT_FIELDS = ("position", "topic", "version", "type", "uid", "at", "data", "texts", "call")
EVENT_VALUES = attrgetter(*EVENT_FIELDS)


@dataclass(frozen=True)
class Fact:
    """An event that is to be written, and the topics that hear of it, each once."""

    event: Event
    heard_on: Collection[str]

    @property
    def sealed(self) -> str | None:
        """Its free text; None for most."""
        text = self.event.own_text
        return seal(orjson.dumps(text).decode()) if text else None


def append(facts: Sequence[Fact]) -> tuple[int, str]:
    """Write them, and tell the events their places; return the new head and the epoch.

    Nobody else appends until COMMIT.
    """
    write = _in_one if connection.vendor == "postgresql" else _one_by_one
    return write(facts)


def _place(facts: Sequence[Fact], head: int, newest: Mapping[str, int]) -> None:
    """Their positions end at the head, their versions at the newest of each topic."""
    versions = dict(newest)
    for behind, fact in enumerate(reversed(facts)):
        event = fact.event
        event.position, event.version = head - behind, versions[event.topic]
        versions[event.topic] -= 1


# PostgreSQL


def _in_one(facts: Sequence[Fact]) -> tuple[int, str]:
    # whoever waits for the head's row waits for no message between this and COMMIT
    answer = sql.ask(APPEND, [bulk.as_json(_given(facts))], is_last=True)
    ((head, epoch, newest),) = answer.fetchall()
    _place(facts, head, orjson.loads(newest))
    return head, epoch


def _given(facts: Sequence[Fact]) -> list[dict[str, object]]:
    """What APPEND reads: each with how many come after it, in all and of its own topic."""
    given: list[dict[str, object]] = []
    later: Counter[str] = Counter()
    for behind, fact in enumerate(reversed(facts)):
        event = fact.event
        given.append(
            {
                "behind": behind,
                "later": later[event.topic],
                "topic": event.topic,
                "type": event.type,
                "uid": event.uid,
                "at": event.at,
                "data": event.data,
                "texts": event.texts,
                "call": event.call,
                "heard_on": list(fact.heard_on),
                "sealed": fact.sealed,
            }
        )
        later[event.topic] += 1
    given.reverse()
    return given


# the counters are asked for by the head: each is locked before it
APPEND = """
WITH given AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%s) AS fact (
        behind bigint, later bigint, topic text, type text, uid uuid, at timestamptz,
        data jsonb, texts jsonb, call text, heard_on text[], sealed text
    )
), counted AS (
    INSERT INTO notifications_topic (name, version)
    SELECT topic, count(*) FROM given GROUP BY topic ORDER BY topic
    ON CONFLICT (name) DO UPDATE SET version = notifications_topic.version + EXCLUDED.version
    RETURNING name, version
), moved AS (
    UPDATE notifications_loghead SET head = head + (SELECT count(*) FROM given)
    WHERE id = 1 AND (SELECT count(*) FROM counted) > 0
    RETURNING head, epoch
), told AS (
    INSERT INTO notifications_event (position, topic, version, type, uid, at, data, texts, call)
    SELECT head - behind, topic, version - later, type, uid, at, data, texts, call
    FROM moved, given JOIN counted ON name = topic
    ORDER BY behind DESC
), heard AS (
    INSERT INTO notifications_eventtopic (topic, position)
    SELECT unnest(heard_on), head - behind FROM moved, given
), said AS (
    INSERT INTO notifications_eventtext (position, sealed)
    SELECT head - behind, sealed FROM moved, given WHERE sealed IS NOT NULL
)
SELECT head, epoch, (SELECT json_object_agg(name, version)::text FROM counted) FROM moved
"""


# SQLite


def _one_by_one(facts: Sequence[Fact]) -> tuple[int, str]:
    newest = _count_up(Counter(fact.event.topic for fact in facts))
    head, epoch = _take_positions(len(facts))
    _place(facts, head, newest)
    bulk.insert(Event, EVENT_FIELDS, [EVENT_VALUES(fact.event) for fact in facts])
    bulk.insert(
        EventTopic,
        ("topic", "position"),
        [(topic, fact.event.position) for fact in facts for topic in fact.heard_on],
    )
    bulk.insert(
        EventText,
        ("position", "sealed"),
        [(fact.event.position, sealed) for fact in facts if (sealed := fact.sealed)],
    )
    return head, epoch


def _count_up(counts: Mapping[str, int]) -> dict[str, int]:
    """Raise the topics' counters, rows by name; return the newest version of each."""
    names = sorted(counts)
    rows = ", ".join(["(%s, %s)"] * len(names))
    params = [value for name in names for value in (name, counts[name])]
    counted = sql.rows(
        # only placeholders are put in
        f"INSERT INTO notifications_topic (name, version) VALUES {rows}"  # noqa: S608
        " ON CONFLICT (name) DO UPDATE"
        " SET version = notifications_topic.version + EXCLUDED.version"
        " RETURNING name, version",
        params,
    )
    return dict(counted)


def _take_positions(count: int) -> tuple[int, str]:
    """Move the head by `count`; return it and the epoch."""
    moved = "UPDATE notifications_loghead SET head = head + %s WHERE id = 1 RETURNING head, epoch"
    ((head, epoch),) = sql.rows(moved, [count])
    return int(head), str(epoch)
