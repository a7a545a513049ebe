"""Writers on SQLite take turns: nobody starves, and the dead hold nobody up."""

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from django.db import connection

from notifications import log
from tests.processes import spawn

pytestmark = [
    pytest.mark.usefixtures("committed"),
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the gate is SQLite's"),
    pytest.mark.both,
]

# seconds
LATE = 2
# writes all the time, in transactions of some ten milliseconds, as a busy shop's web processes do
BUSY_WRITER = """
from datetime import UTC, datetime
from django.db import connection
from notifications import log
if sys.argv[1] == "without gate":
    connection.get_connection_params()
    connection._gate = None
    from museo.sqlite import base
    base.gate_at = lambda path: None
now = datetime.now(UTC)
print("writing", flush=True)
while True:
    with log.change() as change:
        for number in range(500):
            change.event(f"order.W{os.getpid()}", "order.confirmed", {"n": number}, at=now)
"""

DIES_IN_ITS_TURN = """
import signal
from django.db import transaction
with transaction.atomic():
    print("writing", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
"""


@contextmanager
def three_busy_writers(how: str) -> Iterator[None]:
    writers = [spawn(BUSY_WRITER, how) for _ in range(3)]
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "writing\n"
        yield
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()


def longest_wait(*, seconds: float, enough: float = math.inf) -> float:
    """The longest that one of this process's ticks had to wait; over when one had `enough`."""
    end, longest = time.monotonic() + seconds, 0.0
    while longest <= enough and (began := time.monotonic()) < end:
        with log.change() as change:
            change.event("order.TICK", "order.confirmed", {}, at=datetime.now(UTC))
        longest = max(longest, time.monotonic() - began)
    return longest


def test_no_tick_is_late_beside_three_busy_writers(request: pytest.FixtureRequest) -> None:
    with three_busy_writers("with gate"):
        assert longest_wait(seconds=60 if request.config.getoption("--long") else 8) < LATE


def test_a_writer_that_dies_in_its_turn_holds_nobody_up() -> None:
    dying = spawn(DIES_IN_ITS_TURN)
    assert dying.stdout is not None
    assert dying.stdout.readline() == "writing\n"

    dying.send_signal(signal.SIGKILL)
    dying.communicate(timeout=30)

    assert longest_wait(seconds=0.01) < 5


def test_without_the_gate_a_tick_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.ensure_connection()
    monkeypatch.setattr(connection, "_gate", None)

    # whom SQLite lets write is chance
    with three_busy_writers("without gate"):
        assert longest_wait(seconds=60, enough=LATE) > LATE
