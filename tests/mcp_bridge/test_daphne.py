"""The same push under daphne, which says nothing of its start."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import AsyncExitStack

import httpx
import pytest
from django.utils import timezone
from mcp.client.subscriptions import ResourceUpdated

from catalog.demo import house
from catalog.models import Variant
from tests.mcp_bridge.conftest import advance, buy
from tests.mcp_bridge.raw import raw
from tests.mcp_bridge.test_push import legacy_client, modern_client
from tests.mcp_bridge.test_sockets import wire
from tests.processes import TLS, eventually, spawn
from tests.shops import free_port

SERVE = """
from daphne.cli import CommandLineInterface

CommandLineInterface().run(["-b", "127.0.0.1", "-p", sys.argv[1], "-v", "0", sys.argv[2]])
"""
APPLICATION = "tests.mcp_bridge.serving:application"


@pytest.fixture
def daphne(committed: None, woken: None, valkey_url: str) -> Iterator[str]:
    """The address of `/mcp` in a process of its own."""
    port = free_port()
    process = spawn(SERVE, str(port), APPLICATION, REDIS_URL=valkey_url)
    address = f"http://127.0.0.1:{port}/mcp"
    try:
        eventually(lambda: process.poll() is not None or answers(address))
        yield address
    finally:
        end(process)


@pytest.fixture(autouse=True)
def _open_for_other_processes(committed: None) -> None:
    """The server is a process of its own and reads the shop from the database."""
    house.open_doors(now=timezone.now())


def answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=60, verify=TLS).status_code == 405
    except httpx.TransportError:
        return False


def end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.communicate(timeout=60)


async def test_orders_are_pushed_in_both_eras(phone: Variant, daphne: str, address: str) -> None:
    """To a session also through another server, which passes on what it is asked."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(modern_client(daphne))
        session, told = await stack.enter_async_context(legacy_client(daphne))
        there, here = [await stack.enter_async_context(raw(at)) for at in (daphne, address)]
        opened = await there.initialize()
        listened, bought = await buy(client), await buy(session)
        passed_on = await here.buy(opened)
        updates = await stack.enter_async_context(
            client.listen(resource_subscriptions=[listened["uri"]])
        )
        lines = await stack.enter_async_context(here.stream(opened))
        # one tick moves all
        await advance(passed_on, minutes=2)
        async with asyncio.timeout(60):
            assert await anext(updates) == ResourceUpdated(listened["uri"])
            assert await told.get() == bought["uri"]
            assert (await anext(lines))["params"]["uri"] == passed_on["uri"]

    async with wire(f"{daphne.replace('http:', 'ws:')}") as socket:
        greeted = await socket.initialize()
        subprotocol = socket.connection.subprotocol
    assert (subprotocol, greeted["serverInfo"]["title"]) == ("mcp", "Museo")
