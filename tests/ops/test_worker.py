import subprocess
import sys

import pytest
from celery import Celery
from celery.beat import ScheduleEntry
from celery.schedules import schedule
from kombu.exceptions import OperationalError

from museo.ops.preflight import ROOT
from museo.ops.worker import BeatScheduler, Connection

# nothing listens there, and nothing ever will
NO_BROKER = "redis+socket:///nowhere/valkey.sock"
BROKEN_BEAT = """
import threading
from museo.ops.worker import Beat

class Service:
    def start(self):
        raise RuntimeError("broken")

Beat(Service()).start()
threading.Event().wait(20)
"""


def test_a_broker_that_went_away_is_tried_every_second() -> None:
    waits: list[float] = []

    with Connection(NO_BROKER) as connection, pytest.raises(OperationalError):
        connection.ensure_connection(lambda problem, seconds: waits.append(seconds), max_retries=1)

    assert waits == [1]


def test_beat_outlives_a_broker_that_is_away_and_says_so_in_a_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = Celery(broker=NO_BROKER, set_as_current=False)
    app.conf.task_publish_retry = False
    entry = ScheduleEntry(
        name="tick", task="orders.advance_due_orders", schedule=schedule(1), app=app
    )

    BeatScheduler(app).apply_entry(entry)

    (line,) = caplog.records
    assert line.getMessage() == "task not sent: no broker"
    assert line.exc_info is None


def test_a_beat_that_fails_takes_its_process_along() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", BROKEN_BEAT], cwd=ROOT, capture_output=True, timeout=60
    )

    assert ended.returncode == 1
    assert b"beat failed" in ended.stderr
