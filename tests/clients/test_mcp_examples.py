"""The example programs of docs/clients/mcp at an open shop; and the registry's entry."""

import json
import re
import subprocess
import sys
from typing import Any

from mcp_bridge import server
from tests.clients.conftest import CLIENTS
from tests.clients.orders import STEPS, Bought, Desk
from tests.shops import ROOT

EXAMPLES = CLIENTS / "mcp"
PAGE = ROOT / "docs" / "mcp.md"


def run(name: str, desk: Desk, *arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, f"{desk.shop.address}/mcp", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_the_least_that_a_client_does_is_a_search(calm: Desk) -> None:
    assert any("iPhone 15" in name for name in run("minimal.py", calm, "iPhone 15"))


def test_a_session_hears_of_what_it_has_bought(calm: Desk) -> None:
    command = [sys.executable, str(EXAMPLES / "stateful.py"), f"{calm.shop.address}/mcp"]
    with subprocess.Popen(
        [*command, "POSTCARD-SET"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout
        assert program.stderr
        order = Bought(*program.stdout.readline().split())
        for step in STEPS[1:]:
            calm.advance(order, step)
            heard = ""
            # an update that comes late may show the same status once more
            while heard != step:
                heard = program.stdout.readline().strip()
                assert heard, program.stderr.read()

        assert program.wait(timeout=20) == 0


def test_an_order_is_followed_to_its_end_and_replayed(calm: Desk) -> None:
    said = run("comprehensive.py", calm, "POSTCARD-SET")

    assert said[0] == "protocol 2026-07-28"
    assert {"place_order", "cancel_order", "replay_events"} <= set(said[1].split())
    assert "museo://live-feed" in said[2].split()
    assert "order_something" in said[3].split()
    assert "told cancelled" in said
    assert "event 1 order.placed" in said
    assert any(re.fullmatch(r"event \d order\.cancelled", line) for line in said)


def test_many_at_once_are_counted(calm: Desk) -> None:
    count, centiles = run("performance.py", calm, "40", "4")

    assert re.fullmatch(r"40 calls, \d+ a second", count)
    assert re.fullmatch(r"p50 [\d.]+ ms, p99 [\d.]+ ms", centiles)


def test_every_example_is_in_the_page() -> None:
    named = set(re.findall(r"\]\(clients/mcp/([\w.-]+)\)", PAGE.read_text()))

    assert named == {path.name for path in EXAMPLES.iterdir() if path.is_file()}


def entry() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((ROOT / "server.json").read_text())
    return read


def test_the_registrys_entry_has_what_its_schema_asks_for() -> None:
    """https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"""
    told = entry()

    assert told.keys() <= {"$schema", "name", "title", "description", "version", "remotes"}
    assert told["$schema"].endswith("/2025-12-11/server.schema.json")
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", told["name"])
    assert 3 <= len(told["name"]) <= 200
    assert 1 <= len(told["title"]) <= 100
    assert 1 <= len(told["description"]) <= 100
    assert re.fullmatch(r"\d+\.\d+\.\d+", told["version"])
    for remote in told["remotes"]:
        assert remote["type"] in {"streamable-http", "sse"}
        assert re.fullmatch(r"https?://\S+|\{[a-zA-Z_]\w*\}\S*", remote["url"])
        assert set(re.findall(r"\{(\w+)\}", remote["url"])) == remote["variables"].keys()
        assert all(header["name"] for header in remote["headers"])


def test_the_registrys_entry_is_of_this_server() -> None:
    told = entry()

    assert told["name"].partition("/")[2] == server.NAME
    assert told["version"] == server.VERSION
    assert [remote["url"] for remote in told["remotes"]] == ["{shop}/mcp"]


def test_the_page_says_how_an_assistant_is_to_behave() -> None:
    """The text to copy is the one that clients are given."""
    quoted = re.search(r"## Instructions.*?```text\n(.*?)```", PAGE.read_text(), re.DOTALL)

    assert quoted
    assert " ".join(quoted[1].split()) == server.INSTRUCTIONS
