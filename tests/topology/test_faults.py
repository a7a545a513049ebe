"""Parts of the topology die while people read, buy and follow: nobody loses anything."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from museo.ops import health
from tests.processes import PREAMBLE, TLS, eventually
from tests.shops import ROOT
from tests.topology.load import Receiver, buyer, measured, register, under_load
from tests.topology.running import Topology

pytestmark = pytest.mark.long
VALKEY_IS_AWAY_SECONDS = 60
DATABASE_IS_AWAY_SECONDS = 10
# a new column and a new index on the table that is written most, and both taken away again
MIGRATE = (
    PREAMBLE
    + """
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import connection, migrations, models
from django.db.migrations.executor import MigrationExecutor

class Migration(migrations.Migration):
    atomic = False
    operations = [
        migrations.AddField("order", "trial", models.TextField(null=True)),
        AddIndexConcurrently("order", models.Index(fields=["trial"], name="trial_index")),
    ]

executor = MigrationExecutor(connection)
state = executor.loader.project_state()
migration = Migration("9999_trial", "orders")
before = state.clone()
with connection.schema_editor(atomic=False) as editor:
    migration.apply(state, editor)
print("migrated", flush=True)
sys.stdin.read()
with connection.schema_editor(atomic=False) as editor:
    migration.unapply(before, editor)
"""
)
CONTROL = (
    PREAMBLE
    + """
from museo.celery import app
verb, queue = sys.argv[1:]
done = getattr(app.control, verb)(queue, reply=True, timeout=3)
assert done, "nobody answers"
if verb == "cancel_consumer":
    assert app.control.ping(timeout=3), "a worker that hangs still answers pings"
"""
)


@pytest.mark.parametrize("part", ["web-1", "clock-1", "work-1", "live-1"])
def test_a_process_that_dies_costs_nobody_anything_but_what_it_was_answering(
    own_shop: Topology, part: str
) -> None:
    load = under_load(own_shop, lambda: own_shop.kill(part))

    load.is_whole()
    assert load.failed_reads() == []
    # what was being written there, its sender tries again with the same key
    at = f"127.0.0.1:{own_shop.ports.get(part)}"
    assert [said for said in load.failed() if at not in said] == []
    own_shop.audit()


def test_without_a_second_try_readers_would_see_that_a_process_died(own_shop: Topology) -> None:
    """The twin of the above."""

    def die_often() -> None:
        for _each in range(5):
            own_shop.kill("web-1")
            eventually(lambda: own_shop.is_well("web-1"))

    with configured(own_shop, "proxy_next_upstream error timeout;", "proxy_next_upstream off;"):
        load = under_load(own_shop, die_often)

    assert load.failed_reads()
    load.is_whole()


def test_all_are_restarted_and_a_migration_runs_while_people_buy(own_shop: Topology) -> None:
    def roll() -> None:
        with migrated(own_shop):
            for part in own_shop.parts:
                own_shop.restart(part)

    load = under_load(own_shop, roll, seconds=40)

    load.is_whole()
    assert load.failed_reads() == []
    own_shop.audit()


def test_without_valkey_orders_are_taken_and_told_and_nothing_waits_for_long_after(
    own_shop: Topology, receiver: Receiver
) -> None:
    assert own_shop.valkey
    own_shop.valkey.stop()
    began = time.monotonic()
    customers = [buyer(own_shop) for _ in range(6)]
    for customer in customers:
        threading.Thread(target=customer.run, daemon=True).start()
    # taken, and told by the hub's own look at the log
    eventually(lambda: all(customer.versions == [1] for customer in customers))
    for customer in customers:
        register(own_shop, customer, receiver)
    while time.monotonic() < began + VALKEY_IS_AWAY_SECONDS:
        for path in ("/", "/admin/login/", "/api/v1/catalog/products", "/mcp"):
            assert httpx.get(f"{own_shop.address}{path}", timeout=20, verify=TLS).status_code < 500
    assert own_shop.health()["redis"] == "degraded"
    assert own_shop.health()["clock"] == "down"

    own_shop.valkey.start()

    def all_told() -> bool:
        return all(
            sorted(receiver.versions(customer.number)) == [2, 3, 4, 5] for customer in customers
        )

    measured("all is caught up after Valkey came back", all_told, must_reach=30)
    eventually(lambda: all(customer.versions == [1, 2, 3, 4, 5] for customer in customers))
    eventually(lambda: is_well(own_shop))
    own_shop.audit()


def test_a_database_that_was_away_is_found_again_without_a_restart(own_shop: Topology) -> None:
    assert own_shop.cluster
    cluster = own_shop.cluster
    before = {part: own_shop.process(part).pid for part in own_shop.parts}

    def stop_and_start() -> None:
        cluster.run("pg_ctl", "--mode=fast", "--wait", "--silent", "stop")
        try:
            eventually(lambda: statuses(own_shop) == {503})
            threading.Event().wait(DATABASE_IS_AWAY_SECONDS)
        finally:
            cluster.start()
        measured("all is back after PostgreSQL", lambda: is_well(own_shop), must_reach=10)

    load = under_load(own_shop, stop_and_start, seconds=25)

    load.is_whole()
    assert {said.rpartition(" (")[0].rpartition(" ")[2] for said in load.failed()} == {"503"}
    assert {part: own_shop.process(part).pid for part in own_shop.parts} == before
    own_shop.audit()


@pytest.mark.parametrize(("queue", "part"), [("clock", "clock"), ("work", "work")])
def test_a_worker_that_hangs_and_still_answers_pings_is_seen(
    own_shop: Topology, queue: str, part: str
) -> None:
    eventually(lambda: is_well(own_shop))

    control(own_shop, "cancel_consumer", queue)
    measured(f"health is red of {part}", lambda: own_shop.health()[part] == "down", must_reach=10)
    assert own_shop.health()["status"] == "down"

    control(own_shop, "add_consumer", queue)
    measured(f"health is green of {part}", lambda: is_well(own_shop), must_reach=10)


def test_a_database_that_only_reads_is_seen_and_its_pages_are_served(own_shop: Topology) -> None:
    make_read_only(own_shop, "on")
    try:
        measured(
            "health is red of a database that only reads",
            lambda: own_shop.health()["database"] == "down",
            must_reach=10,
        )
        assert own_shop.health()["status"] == "down"
        found = httpx.get(f"{own_shop.address}/api/v1/catalog/products", timeout=20, verify=TLS)
        assert found.status_code == 200
    finally:
        make_read_only(own_shop, "off")
    measured("health is green of it", lambda: is_well(own_shop), must_reach=10)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_disk_that_is_full_is_seen(own_shop: Topology) -> None:
    with small_disk(own_shop.home):
        eventually(lambda: is_well(own_shop))

        full = own_shop.home / "full"
        with full.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(own_shop.home).free)
        measured(
            "health is red of a full disk",
            lambda: own_shop.health()["disk"] == "down",
            must_reach=10,
        )
        assert own_shop.health()["status"] == "down"

        full.unlink()
        measured("health is green of it", lambda: is_well(own_shop), must_reach=10)


def is_well(shop: Topology) -> bool:
    return shop.health()["status"] == "ok"


def statuses(shop: Topology) -> set[int]:
    paths = ("/", "/api/v1/catalog/products", "/healthz", "/api/v1/basket")
    return {
        httpx.get(f"{shop.address}{path}", timeout=30, verify=TLS).status_code for path in paths
    }


def make_read_only(shop: Topology, word: str) -> None:
    with psycopg.connect(shop.database_url, autocommit=True) as database:
        database.execute("SET default_transaction_read_only = off")
        database.execute(f"ALTER SYSTEM SET default_transaction_read_only = {word}")
        database.execute("SELECT pg_reload_conf()")


def control(shop: Topology, verb: str, queue: str) -> None:
    subprocess.run(
        [sys.executable, "-c", CONTROL, verb, queue],
        cwd=ROOT,
        env=dict(shop.environment),
        check=True,
    )


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A disk of its own in the folder's place, with some more room than a shop has to have."""
    size = f"size={health.LITTLE_ROOM + 10_000_000}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "museo", str(folder)], check=True)
    try:
        yield
    finally:
        # whoever has a file open there keeps it
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def migrated(shop: Topology) -> Iterator[None]:
    """A migration runs now, and back afterwards."""
    with subprocess.Popen(
        [sys.executable, "-c", MIGRATE],
        cwd=ROOT,
        env=dict(shop.environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "migrated\n"
        yield
        process.stdin.close()
    assert process.returncode == 0


@contextmanager
def configured(shop: Topology, old: str, new: str) -> Iterator[None]:
    """nginx with another line in its configuration."""
    conf = shop.access_log.parent / "nginx.conf"
    text = conf.read_text()
    assert text.count(old) == 1
    conf.write_text(text.replace(old, new))
    shop.reload_proxy()
    try:
        yield
    finally:
        conf.write_text(text)
        shop.reload_proxy()


@pytest.fixture
def receiver(own_shop: Topology) -> Iterator[Receiver]:
    port = int(own_shop.environment["MUSEO_WEBHOOK_ALLOW"].rpartition(":")[2])
    with Receiver(port).listening() as listening:
        yield listening
