"""Museo itself: the web process of `manage.py up` on PostgreSQL and Valkey, nothing left out.

PostgreSQL writes to the disk as in production (the tests' does not). The web process has a role of
its own in the database, so that its statements can be counted.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg

from bench.live import kitchen
from bench.live.servers.server import Server
from tests import services

# sets Django up, then runs a module
START = (
    "import runpy, sys, django; django.setup(); runpy.run_module(sys.argv.pop(1), None, '__main__')"
)
READER = "reader"
AS_IN_PRODUCTION = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_preload_libraries": "pg_stat_statements",
}


class CountedStatements:
    """What the web process asked PostgreSQL since the last reset."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def reset(self) -> None:
        self._connection.execute("SELECT pg_stat_statements_reset()")

    def count(self) -> int:
        asked = self._connection.execute(
            "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE userid = %s::regrole",
            [READER],
        )
        row = asked.fetchone()
        return int(row[0]) if row else 0


@contextmanager
def prepared(folder: Path, port: int, *, orders: int) -> Iterator[list[Server]]:
    with ExitStack() as stack:
        cluster = stack.enter_context(services.cluster(kitchen.postgresql()))
        redis_url = stack.enter_context(services.valkey(kitchen.valkey_server()))
        connection = _configured(cluster)
        stack.callback(connection.close)
        environment = kitchen.environment(
            DJANGO_SETTINGS_MODULE="museo.settings",
            MUSEO_HOME=str(folder / "home"),
            MUSEO_STREAMS_PER_CALLER="1000000",
            MUSEO_PUBLIC_URL=f"http://127.0.0.1:{port}",
            DATABASE_URL=cluster.url,
            REDIS_URL=redis_url,
        )
        told = _made(folder, environment, port, orders)
        (folder / "orders.json").write_text(json.dumps(told["orders"]))
        backends = [psutil.Process(postmaster(connection)), _child("valkey.sock")]

        def paths(kind: str, topics: int) -> Sequence[str]:
            return _paths(kind, told["orders"][:topics], f"{told['epoch']}-{_head(connection)}")

        yield [
            Server(
                name="museo",
                command=told["command"],
                # the publisher is the owner, and not counted
                environment={**environment, "DATABASE_URL": _as(READER, cluster.url)},
                publisher_environment=environment,
                folder=folder,
                port=port,
                publisher=[sys.executable, "-c", START, "bench.live.servers.museo.writer"],
                paths=paths,
                ready={"ws": '"subscribed"'},
                backends=backends,
                statements=CountedStatements(connection),
            )
        ]


def _configured(cluster: services.Cluster) -> psycopg.Connection[Any]:
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        for name, value in AS_IN_PRODUCTION.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    cluster.cut_power()
    cluster.start()
    connection = psycopg.connect(cluster.url, autocommit=True)
    connection.execute("CREATE EXTENSION pg_stat_statements")
    connection.execute("CREATE ROLE reader SUPERUSER LOGIN")
    # BEGIN and COMMIT are no questions
    connection.execute("ALTER ROLE reader SET pg_stat_statements.track_utility = off")
    return connection


def _made(folder: Path, environment: dict[str, str], port: int, orders: int) -> dict[str, Any]:
    command = [sys.executable, "-c", START, "bench.live.servers.museo.shop", str(port), str(orders)]
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _paths(kind: str, orders: Sequence[Sequence[str]], after: str) -> Sequence[str]:
    if len(orders) == 1:
        address = "/ws/events/" if kind == "ws" else "/api/v1/events"
        return [f"{address}?topics=broadcast.all"]
    if kind == "ws":
        return [
            f"/ws/events/?topics=order.{number}&ticket={ticket}&after={after}"
            for number, ticket in orders
        ]
    return [
        f"/api/v1/orders/{number}/events?ticket={ticket}&after={after}" for number, ticket in orders
    ]


def _head(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT head FROM notifications_loghead").fetchone()
    return int(row[0]) if row else 0


def postmaster(connection: psycopg.Connection[Any]) -> int:
    parent = psutil.Process(connection.info.backend_pid).parent()
    if parent is None:
        raise RuntimeError("PostgreSQL's own process is not found.")
    return parent.pid


def _child(words: str) -> psutil.Process:
    children = psutil.Process().children(recursive=True)
    return next(child for child in children if words in " ".join(child.cmdline()))


def _as(role: str, url: str) -> str:
    return url.replace("//postgres@", f"//{role}@", 1)
