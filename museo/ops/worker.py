"""The two Celery processes: `python -m museo.ops.worker clock` and `… work`.

`--pulse FILE` touches a file whenever something has been done (`museo.ops.probe`).

Beat runs as a thread of the clock process. As a process of its own, which is Celery's way, it
could die alone and nobody would start it again, or outlive the clock that it belongs to.
"""

import argparse
import gc
import logging
import os
import sys
import threading
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import kombu
from celery import bootsteps
from celery.beat import ScheduleEntry, Scheduler, SchedulingError, Service
from celery.exceptions import SecurityWarning
from celery.signals import task_postrun
from django.conf import settings
from django.db import close_old_connections, connections

from museo.celery import app

logger = logging.getLogger(__name__)

POOLS = {
    # one thing at a time: ticks and sweeps
    "clock": ["--pool", "solo"],
    # sends and imports mostly wait for others
    "work": ["--pool", "threads", "--concurrency", "8"],
}
# seconds; after that the next tick has done it
DELIVERS_WITHIN = 10
QUIET = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
# seconds between two tries to reach a broker that went away; Celery would wait up to 30
TRIES = {"interval_start": 1, "interval_step": 0, "interval_max": 1}


class Connection(kombu.Connection):
    def ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        return super().ensure_connection(*args, **{**TRIES, **kwargs})

    def _do_close_transport(self) -> None:
        """Forget the transport, but let it keep the address of its broker.

        A broker that died takes nothing back, and what cannot be given back is tried again: when
        the channel is closed once more, and when its tasks have ended. Without an address that is
        no lost connection but an error that ends the worker.
        """
        self._transport = None


class BeatScheduler(Scheduler):
    """Keeps no file: what is due is found in the database, not in beat's memory."""

    def schedules_equal(self, *_schedules: Any) -> bool:
        """It is that of the settings: there is nothing to compare before each tick."""
        return True

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError as problem:
            # the next one comes in a second, and finds the same things due
            logger.warning(
                "task not sent: no broker", extra={"task": entry.task, "problem": str(problem)}
            )


class Beat(threading.Thread):
    def __init__(self, service: Service) -> None:
        super().__init__(name="beat", daemon=True)
        self._service = service

    def run(self) -> None:
        try:
            self._service.start()
        except Exception:
            logger.exception("beat failed")
            # a clock without its beat stands still; the supervisor starts both again
            os._exit(1)

    def stop(self) -> None:
        self._service.stop()


class BeatStep(bootsteps.StartStopStep):
    def create(self, parent: Any) -> Any:
        return Beat(Service(parent.app, max_interval=1, scheduler_cls=BeatScheduler))


class EarStep(bootsteps.StartStopStep):
    """Delivers as soon as there is something; without Redis once a second."""

    def create(self, parent: Any) -> Any:
        # the apps have to be loaded first
        from notifications import listening, tasks

        deliver = partial(tasks.deliver.apply_async, expires=DELIVERS_WITHIN)
        return listening.Ear(settings.REDIS_URL, deliver)


def main(queue: str, *, pulse: Path | None = None) -> None:
    # an import makes objects by the thousand, and none of them in circles
    gc.set_threshold(50_000, 20, 100)
    # the small set is somebody's own machine, where root may be the only user
    warnings.simplefilter("ignore", SecurityWarning)
    # of the code, which the tests check; looking at all of it takes a third of a start
    os.environ.setdefault("CELERY_SKIP_CHECKS", "1")
    app.amqp.Connection = Connection
    if settings.DATABASES["default"]["ENGINE"] == "museo.sqlite":
        _keep_file_open()
    if pulse:
        task_postrun.connect(lambda **_task: pulse.touch(), weak=False)
    if queue == "clock":
        app.steps["worker"].add(BeatStep)
    elif settings.REDIS_URL:
        app.steps["worker"].add(EarStep)
    app.worker_main(["--quiet", "worker", "--queues", queue, *POOLS[queue], *QUIET])


def _keep_file_open() -> None:
    """To open SQLite's file anew for each task would take longer than what most of them do.

    Whoever closes it last has to write all of its log into it, too, and wait for the disk.
    """
    connections.settings["default"]["CONN_MAX_AGE"] = None
    app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize
    # one that an error has left in disorder
    task_postrun.connect(lambda **_task: close_old_connections(), weak=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m museo.ops.worker")
    parser.add_argument("queue", choices=POOLS)
    parser.add_argument("--pulse", type=Path, help="a file to touch after each task")
    given = parser.parse_args()
    main(given.queue, pulse=given.pulse)
