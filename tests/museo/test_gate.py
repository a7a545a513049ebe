"""Writers on SQLite take turns: nobody starves, and the dead hold nobody up."""

import math
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

import pytest
from django.db import connection, transaction

from notifications import log
from notifications.models import Event
from tests.processes import ended, eventually, fork

pytestmark = [
    pytest.mark.usefixtures("committed"),
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the gate is SQLite's"),
    pytest.mark.both,
]

# seconds
LATE = 2


def write_all_the_time(*, with_gate: bool) -> None:
    """In transactions of some ten milliseconds, as a busy shop's web processes do."""
    if not with_gate:
        del connection.settings_dict["OPTIONS"]["gate"]
    topic, now = f"order.W{os.getpid()}", datetime.now(UTC)
    while True:
        with log.change() as change:
            for number in range(500):
                change.event(topic, "order.confirmed", {"n": number}, at=now)


def stop_in_its_turn() -> None:
    with transaction.atomic():
        os.kill(os.getpid(), signal.SIGSTOP)


@contextmanager
def three_busy_writers(*, with_gate: bool) -> Iterator[None]:
    writers = [fork(partial(write_all_the_time, with_gate=with_gate)) for _ in range(3)]
    try:
        for writer in writers:
            eventually(Event.objects.filter(topic=f"order.W{writer}").exists)
        yield
    finally:
        for writer in writers:
            os.kill(writer, signal.SIGKILL)
            ended(writer)


def longest_wait(*, seconds: float, enough: float = math.inf) -> float:
    """The longest that one of this process's ticks had to wait; over when one had `enough`."""
    end, longest = time.monotonic() + seconds, 0.0
    while longest <= enough and (began := time.monotonic()) < end:
        with log.change() as change:
            change.event("order.TICK", "order.confirmed", {}, at=datetime.now(UTC))
        longest = max(longest, time.monotonic() - began)
    return longest


def test_no_tick_is_late_beside_three_busy_writers(request: pytest.FixtureRequest) -> None:
    with three_busy_writers(with_gate=True):
        assert longest_wait(seconds=60 if request.config.getoption("--long") else 8) < LATE


def test_a_writer_that_dies_in_its_turn_holds_nobody_up() -> None:
    dying = fork(stop_in_its_turn)
    _pid, state = os.waitpid(dying, os.WUNTRACED)
    assert os.WIFSTOPPED(state)

    os.kill(dying, signal.SIGKILL)
    assert ended(dying) == -signal.SIGKILL

    assert longest_wait(seconds=0.01) < 5


def test_without_the_gate_a_tick_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.ensure_connection()
    monkeypatch.setattr(connection, "_gate", None)

    # whom SQLite lets write is chance
    with three_busy_writers(with_gate=False):
        assert longest_wait(seconds=60, enough=LATE) > LATE
