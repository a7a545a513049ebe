"""Readers of the log: each event once, in order, whoever dies or reads beside."""

from datetime import timedelta
from threading import Barrier
from typing import cast

import pytest
from django.db import connection

from notifications import log, readers, retention
from notifications.models import Event, EventText, EventTopic, LogHead, Reader
from tests.notifications.conftest import NOON, tell
from tests.together import at_once

pytestmark = pytest.mark.usefixtures("committed")


def read(limit: int = 500) -> list[int]:
    with readers.batch("trial", now=NOON, limit=limit) as events:
        return [event.position for event in events]


@pytest.mark.both
def test_a_reader_gets_every_event_once_in_order() -> None:
    tell(count=5)

    assert read(limit=2) == [1, 2]
    assert read(limit=2) == [3, 4]
    tell()
    assert read() == [5, 6]
    assert read() == []
    assert Reader.objects.get().position == 6


@pytest.mark.both
def test_a_reader_that_fails_has_read_nothing() -> None:
    tell(count=2)

    def fail() -> None:
        with readers.batch("trial", now=NOON) as events:
            log.current().event("trial.b", "trial.done", {"n": len(events)}, at=NOON)
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    assert Event.objects.count() == 2
    assert read() == [1, 2]


@pytest.mark.both
def test_two_at_once_read_each_event_once() -> None:
    tell(count=20)
    read(limit=1)

    found = at_once([lambda: read(limit=5)] * 8)

    while rest := read(limit=5):
        found.append(rest)
    read_by_each = [position for batch in found for position in cast(list[int], batch)]
    assert sorted(read_by_each) == list(range(2, 21))


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer")
def test_without_the_lock_two_at_once_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    tell(count=5)
    read(limit=1)
    monkeypatch.setattr(readers, "_claimed", lambda found: found)
    both_are_in = Barrier(2)

    def read_beside() -> list[int]:
        with readers.batch("trial", now=NOON, limit=2) as events:
            both_are_in.wait(timeout=20)
            return [event.position for event in events]

    assert at_once([read_beside, read_beside]) == [[2, 3], [2, 3]]


def test_a_reader_a_day_behind_is_late() -> None:
    tell(count=2)
    read(limit=1)

    assert readers.late(now=NOON + timedelta(hours=24)) == []
    assert [late.name for late in readers.late(now=NOON + timedelta(hours=25))] == ["trial"]
    read()
    assert readers.late(now=NOON + timedelta(days=9)) == []


# retention


def at(day: int) -> None:
    with log.change() as change:
        change.event("trial.a", "trial.told", {}, at=NOON + timedelta(days=day), own_text={"x": 1})


def forget(day: int) -> int:
    return retention.forget(now=NOON + timedelta(days=day), keep=timedelta(days=90))


@pytest.mark.both
def test_what_is_older_is_forgotten_and_clients_of_before_are_told() -> None:
    for day in range(10):
        at(day)

    assert forget(94) == 4

    state = log.state()
    assert (state.floor, state.head) == (4, 10)
    for model in (Event, EventTopic, EventText):
        assert model.objects.count() == 6
        assert not model.objects.filter(position__lte=4).exists()
    assert not log.Cursor(3).is_known(state)
    assert log.Cursor(4).is_known(state)
    assert forget(94) == 0


def test_nothing_is_forgotten_that_somebody_has_not_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for day in range(10):
        at(day)
    read(limit=2)

    assert forget(200) == 2
    assert log.state().floor == 2
    assert "reader is late" in caplog.text
    assert read() == list(range(3, 11))


@pytest.mark.both
def test_all_of_the_log_may_be_forgotten_and_it_goes_on() -> None:
    at(0)
    at(1)
    assert forget(200) == 2
    at(2)

    assert list(Event.objects.values_list("position", "version")) == [(3, 3)]
    assert (LogHead.objects.get().floor, forget(3)) == (2, 0)


def test_forgetting_in_batches_forgets_all(monkeypatch: pytest.MonkeyPatch) -> None:
    tell(count=10)
    monkeypatch.setattr(retention, "BATCH", 3)

    assert forget(200) == 10
