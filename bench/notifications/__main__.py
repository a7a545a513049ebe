"""`python -m bench.notifications [--quick]`: prints a table; see README.md."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString

import orjson
import psycopg

from bench.live import measuring
from bench.log import said, tell
from bench.notifications.endpoints import MANNERS
from tests import services

ROOT = Path(__file__).parents[2]
HEALTHY = 10


@dataclass(frozen=True)
class Sizes:
    events: int = 4_000
    receivers: int = 5
    sends: int = 400
    paced: int = 600
    a_second: int = 20
    rounds: int = 3


QUICK = Sizes(events=500, sends=50, paced=60, rounds=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="does it work: one small round")
    sizes = QUICK if parser.parse_args().quick else Sizes()
    programs = services.find_postgresql()
    if programs is None:
        sys.exit("bench.notifications needs PostgreSQL: apt-get install postgresql")
    with services.postgresql(programs, settings=()) as url:
        _prepare(url)
        rounds = [_round(sizes, url) for _ in range(sizes.rounds)]
    print(f"{datetime.now(UTC):%Y-%m-%d}, {measuring.machine()}, load {measuring.load()}\n")
    print("| what | median |\n| --- | --- |")
    for name in rounds[0]:
        print(f"| {name} | {statistics.median(each[name] for each in rounds):,.2f} |")


def _round(sizes: Sizes, url: str) -> dict[str, float]:
    return {**_dispatch(sizes, url), **_send(sizes, url), **_beside_bad_ones(sizes, url)}


def _dispatch(sizes: Sizes, url: str) -> dict[str, float]:
    made = _end(_part(_fresh(url), "dispatch", sizes.events, sizes.receivers))
    return _rates("deliveries made", made["deliveries"], made)


def _send(sizes: Sizes, url: str) -> dict[str, float]:
    with _endpoints(*["well"] * HEALTHY) as opened:
        part = _part(_fresh(url, opened.allowed), "send", sizes.sends, *opened.addresses)
        sent = _end(part)
    return _rates("webhooks sent", sent["sent"], sent)


def _rates(what: str, count: int, told: Mapping[str, float]) -> dict[str, float]:
    return {
        f"{what} / s": count / told["seconds"],
        f"{what} / CPU-s of the process": count / told["cpu"],
        f"{what} / CPU-s with the database's": count / (told["cpu"] + told["database"]),
    }


def _beside_bad_ones(sizes: Sizes, url: str) -> dict[str, float]:
    """One is well among nine that are not."""
    with _endpoints(*MANNERS) as opened:
        environment = _fresh(url, opened.allowed)
        working = _part(environment, "work", *opened.addresses)
        striking = _part(environment, "clock")
        for each in (working, striking):
            said(each)
        told = _end(_part(environment, "tell", sizes.paced, sizes.a_second))
        for each in (striking, working):
            tell(each)
        ticks, _worked = _end(striking), _end(working)
    first: dict[int, float] = {}
    for number, at in opened.came:
        first.setdefault(number, at)
    waited = sorted(first[number] - at for number, at in told)
    return {
        "healthy among nine bad ones: p50 s": waited[len(waited) // 2],
        "healthy among nine bad ones: p95 s": waited[int(len(waited) * 0.95)],
        "healthy among nine bad ones: longest s": waited[-1],
        "ticks meanwhile: latest s": ticks["late"],
    }


# the processes


def _prepare(url: str) -> None:
    """A database with tables, of which the others are copies."""
    _execute(url, "CREATE DATABASE museo")
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
    environment = {**os.environ, "DATABASE_URL": _named(url, "museo"), "REDIS_URL": ""}
    subprocess.run(migrate, cwd=ROOT, env=environment, check=True)


def _fresh(url: str, allowed: str = "") -> dict[str, str]:
    """What a process needs to work on a database in which nothing has happened."""
    _execute(url, "DROP DATABASE IF EXISTS bench")
    _execute(url, "CREATE DATABASE bench TEMPLATE museo")
    fresh = {"DATABASE_URL": _named(url, "bench"), "MUSEO_WEBHOOK_ALLOW": allowed}
    return {**os.environ, **fresh, "REDIS_URL": ""}


def _named(url: str, name: str) -> str:
    return f"{url.rpartition('/')[0]}/{name}"


def _execute(url: str, statement: LiteralString) -> None:
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(statement)


def _part(environment: Mapping[str, str], name: str, *arguments: object) -> subprocess.Popen[str]:
    return _run("bench.notifications.parts", name, *map(str, arguments), environment=environment)


def _run(module: str, *arguments: str, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _end(process: subprocess.Popen[str]) -> Any:
    """What it says at last; exit if it failed."""
    told = said(process)
    if process.wait():
        sys.exit(f"bench.notifications: {process.args!r} failed")
    return orjson.loads(told)


@dataclass
class Endpoints:
    """Receivers; `came` is what came to those that are well, once they have ended."""

    ports: list[int]
    came: list[tuple[int, float]] = field(default_factory=list)

    @property
    def allowed(self) -> str:
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    @property
    def addresses(self) -> list[str]:
        return [f"http://127.0.0.1:{port}/hook" for port in self.ports]


@contextmanager
def _endpoints(*manners: str) -> Iterator[Endpoints]:
    process = _run("bench.notifications.endpoints", *manners, environment=os.environ)
    opened = Endpoints(orjson.loads(said(process)))
    yield opened
    tell(process)
    opened.came = _end(process)


if __name__ == "__main__":
    main()
