"""deploy/ says the same as the shop itself, and what people are told to rely on."""

import re
from pathlib import Path
from typing import Any

import pytest

from museo import connecting, edge, environment
from museo.ops import up
from museo.ops.preflight import ROOT
from tests.topology import deployed

OURS = ("prepare", "web", "live", "clock", "work")
NGINX = (deployed.DEPLOY / "nginx.conf").read_text()
DOCKERFILE = (deployed.DEPLOY / "Dockerfile").read_text()
MEBIBYTE = 1024 * 1024


@pytest.fixture
def services() -> Any:
    return deployed.compose({"POSTGRES_PASSWORD": "secret"})["services"]


def test_every_container_is_looked_after(services: Any) -> None:
    watched = [name for name in services if name != "prepare"]

    assert set(watched) == {"database", "redis", "web", "live", "clock", "work", "nginx"}
    for name in watched:
        service = services[name]
        assert service["restart"] == "unless-stopped"
        asked = service["healthcheck"]
        assert (asked["interval"], asked["timeout"], asked["retries"]) == ("10s", "5s", 5)


def test_nothing_starts_before_what_it_needs_is_well(services: Any) -> None:
    assert services["prepare"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    for name in ("web", "live", "clock", "work"):
        assert services[name]["depends_on"] == {
            "prepare": {"condition": "service_completed_successfully"},
            "redis": {"condition": "service_healthy"},
        }
        assert services[name]["deploy"]["replicas"] == 2
    assert set(services["nginx"]["depends_on"]) == {"web", "live"}


def test_what_must_not_be_lost_is_in_volumes(services: Any) -> None:
    assert services["database"]["volumes"] == ["database:/var/lib/postgresql/data"]
    assert services["redis"]["volumes"] == ["redis:/data"]
    assert "--appendonly yes" in services["redis"]["command"]
    for name in OURS:
        assert services[name]["volumes"] == ["home:/var/lib/museo"]


def test_the_orchestrators_port_is_open_beside_the_shops(services: Any) -> None:
    assert services["nginx"]["ports"] == ["8000:8000", "3300:3300"]
    moved = deployed.compose({"POSTGRES_PASSWORD": "x", "MCP_ORCHESTRATOR_PORT": "3301"})
    assert moved["services"]["nginx"]["ports"][1] == "3301:3300"


def test_live_is_started_as_the_small_shop_starts_its_web(services: Any) -> None:
    (small,) = (part for part in up.parts(up.Options(host="0.0.0.0")) if part.name == "web")
    words = deployed.command(services["live"], {})

    assert words[0] == "uvicorn"
    # a shop of one's own is closed faster
    theirs = _without(words[1:], "--timeout-graceful-shutdown")
    assert theirs == _without(list(small.command[3:]), "--timeout-graceful-shutdown")


def _without(words: list[str], option: str) -> list[str]:
    return words[: words.index(option)] + words[words.index(option) + 2 :]


def test_all_processes_together_find_room_in_the_database(services: Any) -> None:
    most = int(services["database"]["command"].split("max_connections=")[1].split()[0])
    replicas = {name: int(services[name]["deploy"]["replicas"]) for name in OURS[1:]}
    # a thread of web has one, each of the others a pool
    each = dict.fromkeys(replicas, connecting.MOST) | {"web": threads_of(services["web"])}

    # and some for people
    assert most >= sum(each[name] * replicas[name] for name in replicas) + 20


def threads_of(web: Any) -> int:
    return int(_given(deployed.command(web, {}), "--blocking-threads"))


def _given(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


def test_the_threads_of_web_are_few_and_outlast_what_is_between_bursts(services: Any) -> None:
    """With a thread ends its connection: the next burst would connect anew."""
    words = deployed.command(services["web"], {})

    assert 2 <= threads_of(services["web"]) <= connecting.MOST
    # the most that granian takes; 30 s if nobody says
    assert _given(words, "--blocking-threads-idle-timeout") == "600"


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/api/v1/basket/items", "server"),
        ("/mcp", r"~ ^/mcp"),
        ("/admin/", "/admin/"),
        ("/api/v1/admin/imports", "~ ^/(api/v1/admin/imports/?|admin/catalog/import/add/)$"),
        ("/admin/catalog/import/add/", "~ ^/(api/v1/admin/imports/?|admin/catalog/import/add/)$"),
    ],
)
def test_nginx_takes_bodies_as_large_as_the_shop_does(path: str, location: str) -> None:
    beginning = "server {" if location == "server" else f"location {location} {{"
    (size,) = re.findall(
        re.escape(beginning) + r"[^}]*?client_max_body_size (\d+)m;", NGINX, re.DOTALL
    )

    assert int(size) * MEBIBYTE == edge.largest_body(path)


def test_the_image_runs_as_an_ordinary_user_from_locked_packages() -> None:
    assert DOCKERFILE.rindex("\nUSER museo") > DOCKERFILE.rindex("\nRUN")
    assert DOCKERFILE.count("\nFROM ") + DOCKERFILE.startswith("FROM ") == 2
    assert "--require-hashes" in DOCKERFILE
    for name in re.findall(r"requirements[-\w]*\.txt", DOCKERFILE):
        assert (ROOT / name).exists()


def test_the_image_has_all_that_runs_and_nothing_that_is_private() -> None:
    ignored = Path(f"{deployed.DEPLOY}/Dockerfile.dockerignore").read_text().splitlines()

    taken = {line[1:] for line in ignored if line.startswith("!")}
    assert ignored[1] == "*"
    assert {name for name in taken if not (ROOT / name).exists()} == set()
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    assert packages | {"manage.py", "templates", "static", "locale"} <= taken


def test_windows_starts_the_same_two_things() -> None:
    script = (ROOT / "scripts" / "run.ps1").read_text()

    assert "bash scripts/wsl @args" in script
    assert 'exec bash "$(dirname "${BASH_SOURCE[0]}")/run" "$@"' in (
        (ROOT / "scripts" / "wsl").read_text()
    )
    assert "Join-Path $deploy 'compose.yaml'" in script
    # a password of its own for each, and no other name than the example has
    assigned = re.findall(r"\^(\w+)=", script)
    assert set(assigned) == {"POSTGRES_PASSWORD", "PREPARE_OPTIONS"} <= set(deployed.env_example())


def test_every_name_of_the_example_is_used_or_is_a_setting() -> None:
    named = deployed.env_example()
    file = (deployed.DEPLOY / "compose.yaml").read_text()

    for name in named:
        assert f"${{{name}:" in file
        # one that begins so is told to the shop, which refuses what it does not know
        assert not name.startswith("MUSEO_") or name in environment.MUSEO_NAMES
    assert named["POSTGRES_PASSWORD"] == ""
