"""Writers on SQLite take turns: nobody starves, and the dead hold nobody up."""

import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import connection

from notifications import log
from tests.processes import eventually, spawn

pytestmark = [
    pytest.mark.usefixtures("committed"),
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the gate is SQLite's"),
    pytest.mark.both,
]

# writes all the time, in transactions of a few milliseconds, as a busy shop's web processes do
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
        for number in range(150):
            change.event(f"order.W{os.getpid()}", "order.confirmed", {"n": number}, at=now)
"""

DIES_IN_ITS_TURN = """
import signal
from django.db import transaction
with transaction.atomic():
    print("writing", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
"""


@pytest.fixture
def longest_wait(request: pytest.FixtureRequest) -> Callable[[str], float]:
    """The longest that a tick of this process had to wait beside three busy writers."""
    seconds = 60 if request.config.getoption("--long") else 8

    def measure(how: str) -> float:
        writers = [spawn(BUSY_WRITER, how) for _ in range(3)]
        try:
            for writer in writers:
                assert writer.stdout is not None
                assert writer.stdout.readline() == "writing\n"
            return max(tick_for(seconds))
        finally:
            for writer in writers:
                writer.kill()
                writer.communicate()

    return measure


def tick_for(seconds: float) -> list[float]:
    end = time.monotonic() + seconds
    waits = []
    while (began := time.monotonic()) < end:
        with log.change() as change:
            change.event("order.TICK", "order.confirmed", {}, at=datetime.now(UTC))
        waits.append(time.monotonic() - began)
    return waits


def test_no_tick_is_late_beside_three_busy_writers(
    longest_wait: Callable[[str], float],
) -> None:
    assert longest_wait("with gate") < 2


def test_a_writer_that_dies_in_its_turn_holds_nobody_up() -> None:
    dying = spawn(DIES_IN_ITS_TURN)
    assert dying.stdout is not None
    assert dying.stdout.readline() == "writing\n"

    dying.send_signal(signal.SIGKILL)
    dying.communicate(timeout=30)

    eventually(lambda: bool(tick_for(0.01)), seconds=5)


def test_without_the_gate_a_tick_is_late(
    longest_wait: Callable[[str], float], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.ensure_connection()
    monkeypatch.setattr(connection, "_gate", None)

    # whom SQLite lets write is chance: the worst of some runs
    assert any(longest_wait("without gate") > 2 for _run in range(4))
