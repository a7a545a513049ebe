"""Writers on SQLite take turns: nobody starves, and the dead hold nobody up."""

import errno
import fcntl
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

import pytest
from django.db import connection, transaction

from museo.sqlite import gate
from museo.sqlite.gate import Gate
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


class Slow(Gate):
    """Is made when another thread makes one, too, if one does within a moment."""

    def __init__(self, path: str, both: threading.Barrier) -> None:
        with suppress(threading.BrokenBarrierError):
            both.wait(timeout=1)
        super().__init__(path)


def gates_of_two_threads(gate_at: Callable[[str], Gate], path: Path) -> set[Gate]:
    with ThreadPoolExecutor(2) as threads:
        return set(threads.map(gate_at, [str(path)] * 2))


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Gate]:
    slow = partial(Slow, both=threading.Barrier(2))
    monkeypatch.setattr(gate, "Gate", slow)
    return slow


def test_threads_that_come_at_once_have_one_gate(
    tmp_path: Path, slow: Callable[[str], Gate]
) -> None:
    assert len(gates_of_two_threads(gate.gate_at, tmp_path / "write.lock")) == 1


def test_without_its_lock_they_have_two(tmp_path: Path, slow: Callable[[str], Gate]) -> None:
    assert len(gates_of_two_threads(cache(slow), tmp_path / "write.lock")) == 2


def fail_to_wait(opened: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has its number, and may not wait for the one before."""
    opened.enter()
    opened.leave()
    before, lock = gate.FIRST_BYTE + 1, fcntl.lockf

    def lockf(file: int, command: int, length: int, start: int) -> None:
        if (command, start) == (fcntl.LOCK_EX, before):
            raise OSError(errno.EDEADLK, "Resource deadlock avoided")
        lock(file, command, length, start)

    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "lockf", lockf)
        with pytest.raises(OSError, match="deadlock"):
            opened.enter()


def enter_within(seconds: int, opened: Gate) -> None:
    signal.alarm(seconds)
    opened.enter()


def test_who_could_not_wait_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Gate(str(tmp_path / "write.lock"))
    fail_to_wait(opened, monkeypatch)

    assert ended(fork(partial(enter_within, 20, opened))) == 0
    opened.enter()
    opened.leave()


def test_with_its_number_kept_all_others_would_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Gate(str(tmp_path / "write.lock"))
    monkeypatch.setattr(Gate, "leave", Gate._next_thread)
    fail_to_wait(opened, monkeypatch)

    assert ended(fork(partial(enter_within, 1, opened))) == -signal.SIGALRM
