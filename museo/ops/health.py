"""How the shop is, for machines that ask.

- `/healthz`: is this process alive, and does its database answer? For who restarts processes.
- `/readyz`: the same, and the tables are those of this code. For who sends visitors here.
- `/health`: the whole shop, part by part. For who gets people out of bed. The clock is well while
  its last tick ended less than 3 s ago; a worker that answers a ping may still be stuck. Without
  Redis everything is only later, so that is `degraded`, which is still 200.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from redis import Redis, RedisError

from museo.access import heartbeat
from notifications import readers
from notifications.live import stats

LATE_AFTER = timedelta(seconds=3)
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
    parts = {
        "database": database(),
        "clock": clock(now=timezone.now(), started_at=STARTED_AT),
        "redis": redis(settings.REDIS_URL),
        "push": push(),
        "readers": log_readers(now=timezone.now()),
    }
    return _answer(parts)


def database() -> Part:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return Part("down", "does not answer")
    return Part("ok")


def tables() -> Part:
    try:
        return Part("ok") if _are_tables_current() else Part("down", "run manage.py migrate")
    except DatabaseError:
        return Part("down", "does not answer")


def clock(*, now: datetime, started_at: datetime) -> Part:
    """`started_at`: when the process that is asked came up; the clock came up beside it."""
    try:
        last = heartbeat.last("tick")
    except DatabaseError:
        return Part("down", "not known without the database")
    if last and now - last < LATE_AFTER:
        return Part("ok")
    if now - started_at < STARTING_FOR:
        return Part("degraded", "starting")
    return Part("down", f"the last tick ended at {last.isoformat()}" if last else "no tick yet")


def push() -> Part:
    """The hub of this process; one that serves no streams has none."""
    age = stats.pulse.age()
    if age is None:
        return Part("ok", "no stream was asked for yet")
    if age < LATE_AFTER.total_seconds():
        return Part("ok")
    return Part("degraded", f"the hub last looked at the log {age:.0f} s ago")


def log_readers(*, now: datetime) -> Part:
    """One that is a day behind keeps the log from forgetting."""
    try:
        late = readers.late(now=now)
    except DatabaseError:
        return Part("down", "not known without the database")
    names = ", ".join(reader.name for reader in late)
    return Part("degraded", f"more than a day behind: {names}") if late else Part("ok")


def redis(url: str) -> Part:
    if not url:
        return Part("ok", "not used")
    try:
        with Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5) as client:
            client.ping()
    except RedisError:
        return Part("degraded", "does not answer; pushes and ticks are late")
    return Part("ok")


def _answer(parts: dict[str, Part]) -> JsonResponse:
    states = {part.state for part in parts.values()}
    overall = next(state for state in WORST_FIRST if state in states)
    body = {"status": overall, "parts": {name: asdict(part) for name, part in parts.items()}}
    return JsonResponse(body, status=503 if overall == "down" else 200)


def _are_tables_current() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())
