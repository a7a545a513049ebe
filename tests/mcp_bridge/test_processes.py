"""Two servers of one shop without sticky routing: it does not matter which one a client asks."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from django.utils import timezone
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import ResourceUpdatedNotification

from catalog.demo import house
from catalog.models import Variant
from mcp_bridge import neighbours
from mcp_bridge.models import FollowedResource
from notifications.live.hub import in_thread
from tests.mcp_bridge.conftest import advance, buy, call
from tests.mcp_bridge.raw import raw
from tests.mcp_bridge.test_daphne import answers
from tests.mcp_bridge.turns import Turns, in_turn
from tests.processes import eventually, spawn
from tests.shops import free_port

SERVE = """
import uvicorn

uvicorn.run("tests.mcp_bridge.serving:application", port=int(sys.argv[1]), log_level="warning")
"""
pytestmark = pytest.mark.filterwarnings("ignore:resources/(un)?subscribe is removed")


@pytest.fixture(autouse=True)
def _open_for_other_processes(committed: None) -> None:
    """The servers are processes of their own and read the shop from the database."""
    house.open_doors(now=timezone.now())


@pytest.fixture
def servers(
    committed: None, woken: None, valkey_url: str, count: int
) -> Iterator[dict[int, subprocess.Popen[str]]]:
    """Real servers of one database, by their ports."""
    ports = [free_port() for _ in range(count)]
    started = {port: spawn(SERVE, str(port), REDIS_URL=valkey_url) for port in ports}
    try:
        for port in ports:
            eventually(partial(answers, f"http://127.0.0.1:{port}/mcp"))
        yield started
    finally:
        for process in started.values():
            process.terminate()
        for process in started.values():
            process.communicate(timeout=60)


@pytest.fixture
def count(request: pytest.FixtureRequest) -> int:
    return int(getattr(request, "param", 1))


@asynccontextmanager
async def session(turns: Turns, **headers: str) -> AsyncIterator[tuple[Client, asyncio.Queue[str]]]:
    """A client of the older era, and the addresses of the resources it is told of."""
    updates: asyncio.Queue[str] = asyncio.Queue()

    async def hear(message: Any) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            updates.put_nowait(str(message.params.uri))

    connection = in_turn(turns, **headers)
    async with Client(
        connection, mode="legacy", message_handler=hear, read_timeout_seconds=60
    ) as client:
        yield client, updates


async def told(updates: asyncio.Queue[str]) -> str:
    async with asyncio.timeout(60):
        return await updates.get()


@pytest.mark.parametrize("count", [2], indirect=True)
async def test_a_session_is_served_by_any_process_and_goes_on_when_its_own_is_killed(
    phone: Variant, servers: dict[int, subprocess.Popen[str]]
) -> None:
    turns = Turns(list(servers))
    async with session(turns) as (client, updates):
        order, other = await buy(client), await buy(client)
        await client.subscribe_resource(other["uri"])
        await client.unsubscribe_resource(other["uri"])
        await advance(order, minutes=2)
        assert await told(updates) == order["uri"]
        assert {port for _method, port, _status in turns.answers} == set(servers)
        assert {status for _method, _port, status in turns.answers} == {200, 202}

        servers[turns.owner].send_signal(signal.SIGKILL)
        servers[turns.owner].wait()
        with pytest.raises(MCPError, match="Session not found"):
            await track(client, order)
        assert turns.answers[-1][2] == 404
    again = Turns(list(servers))
    async with session(again, mcp_session_id=turns.session) as (client, updates):
        assert await told(updates) == order["uri"]
        await advance(order, minutes=4)
        assert await told(updates) == order["uri"]
        assert (await track(client, order))["status"] == "preparing"
        assert updates.empty()

    assert again.session != turns.session


async def test_what_is_passed_on_is_the_same_call(
    phone: Variant,
    servers: dict[int, subprocess.Popen[str]],
    address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stream, token, ticket and end of a session reach the process that has it.

    First its twin: without passing on, another process knows no session.
    """
    (port,) = servers
    async with raw(f"http://127.0.0.1:{port}/mcp/storefront") as there:
        opened = await there.initialize()
        order = await there.buy(opened)
    async with raw(f"{address}/storefront") as here:
        with monkeypatch.context() as alone:
            alone.setattr(neighbours, "pass_on", nobody)
            not_passed_on = await here.post(rpc("ping"), **opened)
        number = {"order_id": order["number"]}
        ticket = {"authorization": f"Ticket {order['ticket']}"}
        seen = await here.call("track_order", number, **opened, **ticket)
        wrong = await here.post(rpc("tools/list"), **opened, authorization="Bearer made-up")
        tools = await here.ask("tools/list", {}, **opened)
        async with here.stream(opened) as lines:
            await advance(order, minutes=2)
            async with asyncio.timeout(60):
                update = await anext(lines)
        ended = await here.client.delete(here.address, headers=headers(opened))
        after = await here.post(rpc("ping"), **opened)

    assert not_passed_on.status_code == 404
    assert seen["status"] == "placed"
    assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_token")
    assert "search_products" in {tool["name"] for tool in tools["tools"]}
    assert "replay_events" not in {tool["name"] for tool in tools["tools"]}
    assert update["params"]["uri"] == order["uri"]
    assert (ended.status_code, after.status_code) == (200, 404)
    assert not await in_thread(FollowedResource.objects.exists)()


def rpc(method: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": "1", "method": method, "params": {}}


def headers(opened: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in opened.items()}


async def nobody(*_arguments: object) -> bool:
    return False


async def track(client: Client, order: dict[str, Any]) -> dict[str, Any]:
    mine = {"order_id": order["number"], "ticket": order["ticket"]}
    return await call(client, "track_order", **mine)
