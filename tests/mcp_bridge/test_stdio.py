"""`manage.py mcp_stdio` as a program of its own, as MCP clients start it."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone
from mcp import StdioServerParameters
from mcp.client.client import Client
from mcp.client.stdio import stdio_client
from mcp.client.subscriptions import ResourceUpdated
from pytest_django import Settings

from catalog.demo import house
from catalog.models import Variant
from mcp_bridge.lines import LONGEST, lines
from museo.access import accounts, grants
from notifications.live.hub import in_thread
from tests.mcp_bridge.conftest import BUYER, SKU, advance, buy
from tests.mcp_bridge.raw import INITIALIZE
from tests.processes import database_url

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(committed: None, valkey_url: str, woken: None) -> dict[str, str]:
    """The program is on the test's own database."""
    house.open_doors(now=timezone.now())
    return {
        **os.environ,
        "DATABASE_URL": database_url(),
        "MUSEO_HOME": str(settings.MUSEO_HOME),
        "REDIS_URL": valkey_url,
    }


class Program:
    """The command, and JSON-RPC by hand."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._ids = 0

    async def say(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n".encode())
        await self.process.stdin.drain()

    async def next(self) -> Any:
        """The next line, which can only be a message."""
        assert self.process.stdout
        async with asyncio.timeout(60):
            return json.loads(await self.process.stdout.readline())

    async def ask(self, method: str, **params: Any) -> Any:
        self._ids += 1
        message = {"jsonrpc": "2.0", "id": self._ids, "method": method, "params": params}
        await self.say(json.dumps(message))
        answer = await self.next()
        assert answer["id"] == self._ids
        return answer.get("result") or answer["error"]

    async def call(self, tool: str, **arguments: Any) -> Any:
        return (await self.ask("tools/call", name=tool, arguments=arguments))["structuredContent"]

    async def end(self) -> tuple[int, bytes]:
        """The exit code, and what was still written."""
        assert self.process.stdout
        async with asyncio.timeout(60):
            rest = await self.process.stdout.read()
            return await self.process.wait(), rest


@asynccontextmanager
async def program(environment: dict[str, str], *options: str) -> AsyncIterator[Program]:
    command = ("manage.py", "mcp_stdio", *options)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_toolset_is_served_on_the_pipe_and_updates_are_pushed(
    phone: Variant, environment: dict[str, str]
) -> None:
    # what is printed is nobody's message
    noisy = {**environment, "PYTHONVERBOSE": "", "PYTHONWARNINGS": "always"}
    async with program(noisy, "--toolset", "storefront") as client:
        await client.say("this is no message")
        unreadable = await client.next()
        opened = await client.ask("initialize", **INITIALIZE)
        await client.say(json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}))
        listed = await client.ask("tools/list")
        basket = await client.call("add_to_basket", sku=SKU)
        buyer = {**BUYER, "basket_token": basket["basket_token"]}
        question = await client.call("place_order", **buyer)
        order = await client.call("place_order", **buyer, confirm=question["confirm"])
        await advance(order, minutes=2)
        update = await client.next()
        client.process.send_signal(signal.SIGTERM)
        ended = await client.end()

    assert unreadable["error"]["code"] == -32700
    assert opened["serverInfo"]["name"] == "museo-mcp-orchestrator"
    names = {tool["name"] for tool in listed["tools"]}
    assert "search_products" in names
    assert "replay_events" not in names
    assert update["method"] == "notifications/resources/updated"
    assert update["params"]["uri"] == order["uri"]
    assert ended == (0, b"")


async def test_a_client_of_today_with_a_token_is_told_and_ends_it(
    phone: Variant, environment: dict[str, str]
) -> None:
    now = timezone.now()
    scopes = ("shop:read", "basket:write", "checkout:write", "notify:send")
    keys = await in_thread(accounts.create)(name="agent", scopes=scopes, now=now)
    granted = await in_thread(grants.give)(keys.account, now=now)
    command = StdioServerParameters(
        command=sys.executable,
        args=["manage.py", "mcp_stdio", "--token", granted.access_token],
        cwd=ROOT,
        env=environment,
    )
    async with Client(stdio_client(command), read_timeout_seconds=60) as client:
        listed = await client.list_tools()
        order = await buy(client)
        async with client.listen(resource_subscriptions=[order["uri"]]) as updates:
            await advance(order, minutes=2)
            async with asyncio.timeout(60):
                update = await anext(updates)
        version = client.protocol_version

    assert version == "2026-07-28"
    assert "send_notification" in {tool.name for tool in listed.tools}
    assert update == ResourceUpdated(order["uri"])


@pytest.mark.parametrize(
    ("options", "changes", "sentence"),
    [
        (["--toolset", "cellar"], {}, "There is no toolset cellar"),
        ([], {"MCP_MUSEO_API_URL": "http://a", "MCP_API_KEY": "msk_1"}, "Set both"),
    ],
)
def test_what_cannot_be_served_stops_the_start(
    options: list[str], changes: dict[str, str], sentence: str, settings: Settings
) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)

    with pytest.raises(CommandError, match=sentence):
        call_command("mcp_stdio", *options)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"a\nb\r\n\n \nc", ["a", "b", "c"]),
        ("ü\n".encode(), ["ü"]),
        (b"\xff\n", ["\ufffd"]),
        (b"", []),
        (b"x" * (LONGEST + 100_000) + b"\ny\n", ["x" * (LONGEST + 1), "y"]),
    ],
)
async def test_lines_are_read_to_the_end(written: bytes, read: list[str], tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_bytes(written)

    with file.open("rb") as opened:
        async with asyncio.timeout(60):
            assert [line async for line in lines(opened.fileno())] == read
