"""How the shop is, for machines that ask.

- `/healthz`: is this process alive, and does its database answer? For who restarts processes.
- `/readyz`: the same, and the tables are those of this code. For who sends visitors here.
- `/health`: the whole shop, part by part. For who gets people out of bed. The clock is well while
  its last tick ended less than 3 s ago, the work while something was delivered, or nothing was left
  to deliver, less than 8 s ago: a worker that answers a ping may still be stuck. Without Redis
  everything is only later, so that is `degraded`, which is still 200.
"""

import os
import shutil
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from redis import RedisError

from museo import broker
from museo.access import heartbeat
from notifications import readers
from notifications.live import stats

LATE_AFTER = timedelta(seconds=3)
# a delivery may wait for a slow receiver, while others go on beside it
WORK_IS_LATE_AFTER = timedelta(seconds=8)
# the log is read each second; whatever is older waits for something
LAGS_AFTER = timedelta(seconds=30)
# what the next pictures, imports and, with SQLite, orders need
LEAST_ROOM = 20_000_000
LITTLE_ROOM = 200_000_000
# the clock needs longer to start than the web process that is asked
STARTING_FOR = timedelta(seconds=15)
STARTED_AT = timezone.now()

State = Literal["ok", "degraded", "down"]
WORST_FIRST: tuple[State, ...] = ("down", "degraded", "ok")


@dataclass(frozen=True)
class Part:
    state: State
    detail: str = ""


@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    return _answer({"database": database()})


@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    return _answer({"database": database(), "tables": tables()})


@never_cache
def health(request: HttpRequest) -> JsonResponse:
    now = timezone.now()
    parts = {
        "database": writing_database(),
        "clock": clock(now=now, started_at=STARTED_AT),
        "work": work(now=now, started_at=STARTED_AT),
        "redis": redis(settings.REDIS_URL),
        "push": push(),
        "readers": log_readers(now=now),
        "disk": disk(settings.MUSEO_HOME),
    }
    return _answer(parts)


def database() -> Part:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return Part("down", "does not answer")
    return Part("ok")


def writing_database() -> Part:
    """The database, and whether it takes what is written."""
    try:
        is_writable = _takes_writes()
    except DatabaseError:
        return Part("down", "does not answer")
    return Part("ok") if is_writable else Part("down", "read-only")


def tables() -> Part:
    try:
        return Part("ok") if _are_tables_current() else Part("down", "run manage.py migrate")
    except DatabaseError:
        return Part("down", "does not answer")


def clock(*, now: datetime, started_at: datetime) -> Part:
    """`started_at`: when the process that is asked came up; the clock came up beside it."""
    return _rounds("tick", "tick", LATE_AFTER, now=now, started_at=started_at)


def work(*, now: datetime, started_at: datetime) -> Part:
    """Whether deliveries are made; as the clock's ticks, by when the last round ended."""
    return _rounds("deliver", "round", WORK_IS_LATE_AFTER, now=now, started_at=started_at)


def push() -> Part:
    """The hub of this process; one that serves no streams has none."""
    age = stats.pulse.age()
    if age is None:
        return Part("ok", "no stream was asked for yet")
    if age < LATE_AFTER.total_seconds():
        return Part("ok")
    return Part("degraded", f"the hub last looked at the log {age:.0f} s ago")


def log_readers(*, now: datetime) -> Part:
    """Those who work through the log; one that is a day behind keeps the log from forgetting."""
    try:
        late = readers.late(now=now, after=LAGS_AFTER)
    except DatabaseError:
        return Part("down", "not known without the database")
    names = ", ".join(reader.name for reader in late)
    return Part("degraded", f"behind the log: {names}") if late else Part("ok")


def disk(folder: Path, *, least: int = LEAST_ROOM, little: int = LITTLE_ROOM) -> Part:
    """Whether there is room for what the shop writes into its folder; in bytes."""
    free = shutil.disk_usage(folder).free
    if free < least:
        return Part("down", "the disk is full")
    return Part("degraded", "the disk is nearly full") if free < little else Part("ok")


def redis(url: str) -> Part:
    if not url:
        return Part("ok", "not used")
    try:
        with broker.client(url, socket_timeout=0.5, socket_connect_timeout=0.5) as client:
            client.ping()
    except RedisError:
        return Part("degraded", "does not answer; pushes and ticks are late")
    return Part("ok")


def _rounds(
    name: str, word: str, late_after: timedelta, *, now: datetime, started_at: datetime
) -> Part:
    try:
        last = heartbeat.last(name)
    except DatabaseError:
        return Part("down", "not known without the database")
    if last and now - last < late_after:
        return Part("ok")
    if now - started_at < STARTING_FOR:
        return Part("degraded", "starting")
    said = f"the last {word} ended at {last.isoformat()}" if last else f"no {word} yet"
    return Part("down", said)


def _takes_writes() -> bool:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT current_setting('transaction_read_only')")
            return bool(cursor.fetchone()[0] == "off")
        cursor.execute("SELECT 1")
    # also on a disk that was mounted anew, which is what becomes of ill ones
    return os.access(connection.settings_dict["NAME"], os.W_OK)


def _answer(parts: dict[str, Part]) -> JsonResponse:
    states = {part.state for part in parts.values()}
    overall = next(state for state in WORST_FIRST if state in states)
    body = {"status": overall, "parts": {name: asdict(part) for name, part in parts.items()}}
    return JsonResponse(body, status=503 if overall == "down" else 200)


def _are_tables_current() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())
