"""The log: position order is commit order, nothing is missing, nothing can be changed."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from notifications import log
from notifications.models import Event, EventTopic, LogHead, Topic
from tests.notifications.conftest import NOON, tell
from tests.processes import eventually
from tests.together import at_once

pytestmark = pytest.mark.both
APPENDS = re.compile(r'(INSERT INTO|COPY) "?notifications_event(topic)?"?\b')


def positions() -> list[int]:
    return list(Event.objects.order_by("position").values_list("position", flat=True))


def versions(topic: str) -> list[int]:
    events = Event.objects.filter(topic=topic).order_by("position")
    return list(events.values_list("version", flat=True))


@pytest.mark.usefixtures("committed")
def test_eight_writers_leave_no_gap_and_a_reader_behind_them_misses_nothing() -> None:
    seen: list[int] = []
    is_over = threading.Event()

    def write(writer: int) -> None:
        chance = random.Random(writer)  # noqa: S311  # no secret
        for _ in range(25):
            with log.change() as change:
                for topic in chance.sample(["trial.a", "trial.b", "trial.c"], 2):
                    change.event(topic, "trial.told", {"writer": writer}, at=NOON)

    def read() -> None:
        """What a stream does: whatever is above the last position."""
        while True:
            was_over = is_over.is_set()
            rows = log.read_all(after=seen[-1] if seen else 0, until=log.state().head)
            seen.extend(event.position for event, _also in rows)
            if was_over:
                return

    def write_all() -> None:
        outcomes = at_once([partial(write, writer) for writer in range(8)])
        is_over.set()
        assert outcomes == [None] * 8

    assert at_once([write_all, read]) == [None, None]

    assert positions() == list(range(1, 401))
    assert seen == list(range(1, 401))
    counted = [versions(topic) for topic in ("trial.a", "trial.b", "trial.c")]
    assert [list(range(1, len(each) + 1)) for each in counted] == counted
    assert log.state().head == 400


@pytest.mark.usefixtures("committed")
def test_with_ids_of_the_database_a_reader_skips_what_commits_late() -> None:
    """The twin of the test above: ids are given out before COMMIT, in another order."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time; this shows PostgreSQL")
    seen: list[int] = []
    has_id, may_commit = threading.Event(), threading.Event()

    def insert() -> int:
        row = run("INSERT INTO trial_numbered DEFAULT VALUES RETURNING id")
        return int(row[0][0])

    def write_slowly() -> None:
        with transaction.atomic():
            insert()
            has_id.set()
            assert may_commit.wait(10)

    def write_and_read() -> None:
        assert has_id.wait(10)
        insert()
        seen.extend(id for (id,) in run("SELECT id FROM trial_numbered"))
        may_commit.set()

    run("CREATE TABLE trial_numbered (id bigint GENERATED ALWAYS AS IDENTITY)")
    try:
        assert at_once([write_slowly, write_and_read]) == [None, None]
        later = run("SELECT id FROM trial_numbered WHERE id > %s", max(seen))
        all_ids = sorted(id for (id,) in run("SELECT id FROM trial_numbered"))
    finally:
        run("DROP TABLE trial_numbered")

    assert all_ids == [1, 2]
    assert [*seen, *later] == [2]


def run(sql: str, *values: int) -> list[tuple[int, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []


@pytest.mark.usefixtures("committed")
def test_a_rollback_leaves_no_hole() -> None:
    tell()

    def fail() -> None:
        with log.change() as change:
            change.event("trial.a", "trial.told", {}, at=NOON)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    tell()

    assert positions() == [1, 2]
    assert versions("trial.a") == [1, 2]
    assert log.state().head == 2


@pytest.mark.usefixtures("committed")
def test_nested_changes_leave_together_in_the_order_of_telling() -> None:
    with log.change() as outer:
        outer.event("trial.b", "trial.told", {"n": 1}, at=NOON)
        with log.change() as inner:
            inner.event("trial.a", "trial.told", {"n": 2}, at=NOON)
        outer.event("trial.b", "trial.told", {"n": 3}, at=NOON)
        assert not Event.objects.exists()

    told = Event.objects.order_by("position").values_list("position", "topic", "version", "data")
    assert list(told) == [
        (1, "trial.b", 1, {"n": 1}),
        (2, "trial.a", 1, {"n": 2}),
        (3, "trial.b", 2, {"n": 3}),
    ]


@pytest.mark.usefixtures("committed")
def test_an_inner_change_that_fails_dooms_the_outer_one() -> None:
    def fail() -> None:
        with log.change() as inner:
            inner.event("trial.a", "trial.told", {}, at=NOON)
            raise ZeroDivisionError

    def go_on() -> None:
        with log.change() as outer:
            outer.event("trial.b", "trial.told", {}, at=NOON)
            with suppress(ZeroDivisionError):
                fail()

    with pytest.raises(log.ChangeDoomed):
        go_on()

    assert positions() == []
    assert log.state().head == 0


@pytest.mark.usefixtures("committed")
def test_an_event_after_or_outside_its_change_is_refused() -> None:
    with log.change() as change:
        pass

    with pytest.raises(log.NoChange):
        change.event("trial.a", "trial.told", {}, at=NOON)
    with pytest.raises(log.NoChange):
        log.current()
    with transaction.atomic(), pytest.raises(RuntimeError), log.change():
        pass

    assert positions() == []


@pytest.mark.usefixtures("committed")
def test_nobody_can_change_the_past() -> None:
    tell(also=["trial.all"])

    attempts: list[Callable[[], Any]] = [
        partial(Event.objects.update, type="trial.untold"),
        Event.objects.all().delete,
        partial(EventTopic.objects.update, topic="trial.elsewhere"),
        EventTopic.objects.filter(topic="trial.all").delete,
    ]
    for attempt in attempts:
        with pytest.raises(DatabaseError, match="append-only"):
            attempt()

    assert Event.objects.get().type == "trial.told"
    assert EventTopic.objects.count() == 2


@pytest.mark.usefixtures("committed")
def test_what_is_at_or_below_the_floor_may_be_deleted() -> None:
    tell(count=3)
    LogHead.objects.update(floor=2)

    Event.objects.filter(position__lte=2).delete()

    assert positions() == [3]
    with pytest.raises(DatabaseError, match="append-only"):
        Event.objects.all().delete()
    with pytest.raises(DatabaseError):
        LogHead.objects.update(floor=F("head") + 1)


@pytest.mark.usefixtures("committed")
def test_a_second_event_with_a_version_is_refused() -> None:
    tell()

    with pytest.raises(DatabaseError):
        Event.objects.create(position=99, topic="trial.a", version=1, type="trial.told", at=NOON)


@pytest.mark.usefixtures("committed")
def test_after_the_head_only_the_log_is_written() -> None:
    with CaptureQueriesContext(connection) as captured, log.change() as change:
        change.event("trial.b", "trial.told", {}, at=NOON, also=["trial.all"])
        change.event("trial.a", "trial.told", {}, at=NOON)

    # rows that are written many at once are captured as "2 times: INSERT …"
    statements = [query["sql"].rpartition(" times: ")[2] for query in captured]
    head = next(index for index, sql in enumerate(statements) if "loghead" in sql)
    *before, moves_head = statements[: head + 1]
    counters = moves_head if connection.vendor == "postgresql" else before[-1]
    assert "notifications_topic " in counters.partition("loghead")[0]
    after = statements[head + 1 :]
    assert all(APPENDS.match(sql) for sql in after[:-1]), after
    assert after[-1] == "COMMIT"


@pytest.mark.usefixtures("committed")
def test_who_waits_for_a_topic_does_not_hold_the_head() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time; this shows PostgreSQL")
    tell("trial.b")
    is_held = threading.Event()

    def hold_the_topic_while_another_is_told() -> list[int | Exception]:
        with transaction.atomic():
            Topic.objects.filter(name="trial.b").update(version=F("version"))
            is_held.set()
            eventually(lambda: bool(run("SELECT 1 FROM pg_locks WHERE NOT granted")))
            return at_once([partial(tell, "trial.c")])

    def tell_when_it_is_held() -> list[int | Exception]:
        assert is_held.wait(60)
        return [tell("trial.b")]

    places = at_once([hold_the_topic_while_another_is_told, tell_when_it_is_held])

    assert places == [[2], [3]]


@pytest.mark.usefixtures("committed")
def test_topics_hear_what_they_are_named_for_once_and_in_order() -> None:
    tell("trial.a", also=["trial.all", "trial.a"])
    tell("trial.b", also=["trial.all"])
    tell("trial.a", also=["trial.all", "trial.a"])

    heard = log.read(["trial.a", "trial.all"], after=0)
    page, complete = log.read_heard_by_each([(["trial.all"], 1)], until=3, limit=1)

    assert [event.position for event in heard] == [1, 2, 3]
    assert [(event.position, also) for event, also in page] == [(2, ("trial.all",))]
    assert complete == 2
    assert log.newest(["trial.a", "trial.b", "trial.never"]) == {
        "trial.a": (3, 2),
        "trial.b": (2, 1),
    }


@pytest.mark.parametrize(
    ("text", "cursor"),
    [
        ("test0000-12", log.Cursor(12, "test0000")),
        ("12", log.Cursor(12)),
        ("0", log.Cursor(0)),
        (" 12 ", log.Cursor(12)),
    ],
)
def test_a_cursor_is_an_epoch_and_a_position_or_the_position(text: str, cursor: log.Cursor) -> None:
    assert log.Cursor.parse(text) == cursor


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "a-b-1", "٣", "9" * 19, "a-"])
def test_anything_else_is_no_cursor(text: str) -> None:
    with pytest.raises(log.BadCursor):
        log.Cursor.parse(text)


def test_a_cursor_is_known_within_its_own_log() -> None:
    state = log.State(epoch="aaaa", floor=5, head=10)

    known = [position for position in range(12) if log.Cursor(position, "aaaa").is_known(state)]

    assert known == [5, 6, 7, 8, 9, 10]
    assert log.Cursor(7).is_known(state)
    assert not log.Cursor(7, "bbbb").is_known(state)
