"""How many changes a second the log takes: `python -m bench.log [--seconds 5]`.

Each writer is a process of its own that commits one change after the other, on a PostgreSQL that
writes to its disk as it does by default. Printed are transactions a second, the median of three
rounds in which the cases take turns; every case is checked for a log without a hole.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests import services
from tests.processes import PREAMBLE

ROOT = Path(__file__).parents[1]
ROUNDS = 3

WRITER = (
    PREAMBLE
    + """
import time
from datetime import UTC, datetime
from notifications import log

number, events, topics, until = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
also = [f"bench.also{n}" for n in range(topics - 1)]
at, done = datetime.now(UTC), 0
with log.change() as change:
    change.event(f"bench.{number}", "bench.begun", {}, at=at)
print("ready", flush=True)
sys.stdin.readline()
until += time.time()
while time.time() < until:
    with log.change() as change:
        for n in range(events):
            change.event(f"bench.{number}", "bench.told", {"n": n}, at=at, also=also)
    done += 1
print(done, flush=True)
"""
)


@dataclass(frozen=True)
class Case:
    writers: int
    events: int = 1
    topics: int = 1
    has_snapshot: bool = False

    def __str__(self) -> str:
        snapshot = ", a long snapshot open" if self.has_snapshot else ""
        return f"{self.writers} writers, {self.events} events on {self.topics} topics{snapshot}"


CASES = (
    Case(1),
    Case(8),
    Case(32),
    Case(8, topics=3),
    Case(8, events=20),
    Case(8, has_snapshot=True),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    seconds = parser.parse_args().seconds
    programs = services.find_postgresql()
    if programs is None:
        sys.exit("bench.log needs PostgreSQL: apt-get install postgresql")
    rates: dict[Case, list[float]] = {case: [] for case in CASES}
    with services.postgresql(programs, settings=()) as url:
        environment = {**os.environ, "DATABASE_URL": url, "REDIS_URL": ""}
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
        subprocess.run(migrate, cwd=ROOT, env=environment, check=True)
        for _round in range(ROUNDS):
            for case in CASES:
                rates[case].append(measure(case, url, environment, seconds))
    for case, found in rates.items():
        print(f"{statistics.median(found):7.0f} changes/s  {case}")


def measure(case: Case, url: str, environment: dict[str, str], seconds: float) -> float:
    command = [sys.executable, "-c", WRITER]
    numbers = [str(case.events), str(case.topics), str(seconds)]
    with snapshot(url) if case.has_snapshot else nothing():
        writers = [
            subprocess.Popen(
                [*command, str(number), *numbers],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(case.writers)
        ]
        for writer in writers:
            said(writer)
        began = time.monotonic()
        for writer in writers:
            tell(writer)
        done = sum(int(said(writer)) for writer in writers)
        took = time.monotonic() - began
        for writer in writers:
            writer.wait()
    require_no_hole(url)
    return done / took


def said(writer: subprocess.Popen[str]) -> str:
    assert writer.stdout  # noqa: S101  it was opened with a pipe
    return writer.stdout.readline()


def tell(writer: subprocess.Popen[str]) -> None:
    assert writer.stdin  # noqa: S101  it was opened with a pipe
    writer.stdin.write("\n")
    writer.stdin.flush()


def require_no_hole(url: str) -> None:
    with psycopg.connect(url) as database:
        row: Any = database.execute(
            "SELECT head, (SELECT COUNT(*) FROM notifications_event) FROM notifications_loghead"
        ).fetchone()
    if row[0] != row[1]:
        sys.exit(f"the log has a hole: head {row[0]}, {row[1]} events")


@contextmanager
def snapshot(url: str) -> Iterator[None]:
    """A transaction that keeps old row versions alive, as a backup or a long report does."""
    with psycopg.connect(url) as database:
        database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        database.execute("SELECT * FROM notifications_loghead").fetchone()
        yield


@contextmanager
def nothing() -> Iterator[None]:
    yield


if __name__ == "__main__":
    main()
