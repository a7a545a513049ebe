import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from museo.access import heartbeat
from museo.ops import health
from notifications import log, tasks
from notifications.models import Reader

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LONG_AGO = NOON - timedelta(hours=1)


@pytest.fixture
def up_for_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "STARTED_AT", timezone.now() - timedelta(hours=1))


@pytest.fixture
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "cursor", broken)


def broken() -> NoReturn:
    raise OperationalError("the server closed the connection")


@pytest.mark.both
@pytest.mark.django_db
def test_a_heartbeat_is_the_last_one_said() -> None:
    assert heartbeat.last("tick") is None

    heartbeat.record("tick", NOON)
    heartbeat.record("sweep", NOON)
    heartbeat.record("tick", NOON + timedelta(seconds=1))

    assert heartbeat.last("tick") == NOON + timedelta(seconds=1)
    assert heartbeat.last("sweep") == NOON


@pytest.mark.django_db
def test_the_clock_is_well_until_its_last_tick_is_three_seconds_old() -> None:
    heartbeat.record("tick", NOON)

    def state(seconds: float) -> str:
        now = NOON + timedelta(seconds=seconds)
        return health.clock(now=now, started_at=LONG_AGO).state

    assert [state(0), state(2.9), state(3)] == ["ok", "ok", "down"]


@pytest.mark.django_db
def test_a_clock_that_is_still_starting_is_not_called_down() -> None:
    started_at = NOON - timedelta(seconds=14)

    assert health.clock(now=NOON, started_at=started_at).state == "degraded"
    assert health.clock(now=NOON + timedelta(seconds=1), started_at=started_at).state == "down"


@pytest.mark.django_db
def test_the_work_is_well_until_its_last_round_is_eight_seconds_old() -> None:
    heartbeat.record("deliver", NOON)

    def state(seconds: float) -> str:
        now = NOON + timedelta(seconds=seconds)
        return health.work(now=now, started_at=LONG_AGO).state

    assert [state(0), state(7.9), state(8)] == ["ok", "ok", "down"]


@pytest.mark.django_db
def test_a_round_of_deliveries_is_said_when_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tasks.deliver() == 0
    assert heartbeat.last("deliver")

    heartbeat.record("deliver", LONG_AGO)
    monkeypatch.setattr(tasks, "_deliver", broken)
    with pytest.raises(OperationalError):
        tasks.deliver()
    assert heartbeat.last("deliver") == LONG_AGO


@pytest.mark.django_db
def test_a_reader_that_lags_is_named() -> None:
    with log.change() as change:
        change.event("trial.a", "notification", {}, at=NOON)
    Reader.objects.create(name="trial", position=0, at=NOON)

    def part(seconds: float) -> health.Part:
        return health.log_readers(now=NOON + timedelta(seconds=seconds))

    assert part(30).state == "ok"
    assert part(31) == health.Part("degraded", "behind the log: trial")


def test_a_full_disk_is_red_and_a_nearly_full_one_yellow(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    much = 10 * free

    assert health.disk(tmp_path, least=0, little=0).state == "ok"
    assert health.disk(tmp_path, least=0, little=much).state == "degraded"
    assert health.disk(tmp_path, least=much, little=much).state == "down"


@pytest.mark.django_db
@pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite has no transaction that only reads"
)
def test_a_database_that_takes_nothing_is_red_while_its_pages_are_still_served(
    client: Client, up_for_an_hour: None
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL transaction_read_only = on")

    assert client.get("/health").json()["parts"]["database"] == {
        "state": "down",
        "detail": "read-only",
    }
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_health_is_red_when_the_last_tick_is_stale(client: Client, up_for_an_hour: None) -> None:
    heartbeat.record("tick", timezone.now() - timedelta(seconds=10))

    answer = client.get("/health")

    assert answer.status_code == 503
    assert answer.json()["status"] == "down"
    assert answer.json()["parts"]["clock"]["detail"].startswith("the last tick ended at ")
    assert client.get("/healthz").status_code == 200


@pytest.mark.django_db
def test_health_is_green_again_after_a_tick(client: Client, up_for_an_hour: None) -> None:
    assert client.get("/health").status_code == 503

    heartbeat.record("tick", timezone.now())
    assert client.get("/health").status_code == 503
    heartbeat.record("deliver", timezone.now())

    assert client.get("/health").status_code == 200


@pytest.mark.django_db
def test_without_redis_the_shop_is_degraded_and_not_dead(
    client: Client, up_for_an_hour: None, settings: Settings
) -> None:
    heartbeat.record("tick", timezone.now())
    heartbeat.record("deliver", timezone.now())
    settings.REDIS_URL = "unix:///nowhere/valkey.sock?db=0"

    answer = client.get("/health")

    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["parts"]["redis"]["state"] == "degraded"


@pytest.mark.django_db
def test_a_shop_without_redis_misses_nothing() -> None:
    assert health.redis("").state == "ok"


@pytest.mark.parametrize("address", ["/healthz", "/readyz", "/health"])
@pytest.mark.django_db
def test_without_its_database_nothing_is_well(
    client: Client, no_database: None, address: str
) -> None:
    answer = client.get(address)

    assert answer.status_code == 503
    assert answer.json()["parts"]["database"]["state"] == "down"


@pytest.mark.django_db
def test_a_process_is_ready_when_the_tables_are_those_of_its_code(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/readyz").status_code == 200

    monkeypatch.setattr(
        "django.db.migrations.executor.MigrationExecutor.migration_plan",
        lambda executor, targets: ["one to come"],
    )

    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"]["tables"]["detail"] == "run manage.py migrate"
    assert client.get("/healthz").status_code == 200


@pytest.mark.django_db
def test_no_cache_keeps_an_answer(client: Client) -> None:
    assert "no-store" in client.get("/healthz")["Cache-Control"]
