"""The bridge to a Museo far away: a client on a pipe here, the shop's own server there."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from django.utils import timezone
from mcp import StdioServerParameters
from mcp.client.client import Client
from mcp.client.stdio import stdio_client
from mcp.client.subscriptions import ResourceUpdated
from mcp.shared.exceptions import MCPError
from mcp.shared.message import SessionMessage
from mcp_types import ResourceUpdatedNotification
from pytest_django import Settings

from catalog.models import Variant
from mcp_bridge import asgi, push, remote
from mcp_bridge.messages import message
from mcp_bridge.models import FollowedResource
from museo.access import access_tokens, accounts
from museo.access.accounts import Keys
from museo.access.models import RefreshToken, ServiceAccount
from notifications.live.hub import in_thread
from tests.mcp_bridge.conftest import advance, buy, call
from tests.mcp_bridge.raw import INITIALIZE
from tests.mcp_bridge.serving import serve
from tests.notifications.conftest import serving
from tests.processes import until
from tests.shops import free_port

WRONG = Keys(ServiceAccount(), "msk_1", "x")
ROOT = Path(__file__).parents[2]
SCOPES = ("shop:read", "basket:write", "checkout:write", "orders:read", "notify:send")
pytestmark = pytest.mark.filterwarnings("ignore:resources/(un)?subscribe is removed")


@pytest.fixture
async def shop(woken: None, hub_ends: None, full_buckets: None) -> AsyncIterator[str]:
    """The shop far away."""
    async with serving() as address:
        yield address
        await asgi.shutdown()


@pytest.fixture
async def keys(committed: None) -> Keys:
    return await in_thread(accounts.create)(name="till", scopes=SCOPES, now=timezone.now())


class Told(asyncio.Queue[str]):
    """The addresses of resources that have changed."""

    async def hear(self, message: Any) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            self.put_nowait(str(message.params.uri))

    async def next(self) -> str:
        async with asyncio.timeout(60):
            return await self.get()


@asynccontextmanager
async def pipe(shop: str, **options: str) -> AsyncIterator[Any]:
    """What a client reads from the bridge and writes to it."""
    to_bridge, incoming = anyio.create_memory_object_stream[SessionMessage | Exception]()
    outgoing, from_bridge = anyio.create_memory_object_stream[SessionMessage]()
    serving = asyncio.create_task(remote.serve(incoming, outgoing, shop=shop, **options))
    try:
        yield from_bridge, to_bridge
    finally:
        await to_bridge.aclose()
        from_bridge.close()
        with suppress(anyio.BrokenResourceError):
            await serving
        for stream in (incoming, outgoing):
            stream.close()


@asynccontextmanager
async def bridged(
    shop: str,
    keys: Keys | None = None,
    *,
    told: Told | None = None,
    mode: str = "auto",
    **options: str,
) -> AsyncIterator[Client]:
    hear = told.hear if told else None
    known = {"key": keys.api_key, "secret": keys.api_secret} if keys else {}
    connection = pipe(shop, **known, **options)
    async with Client(
        connection, mode=mode, message_handler=hear, read_timeout_seconds=60
    ) as client:
        yield client


async def test_a_client_of_today_buys_and_listens(phone: Variant, shop: str, keys: Keys) -> None:
    steps: list[str | None] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        steps.append(message)

    async with bridged(shop, keys) as client:
        assert client.protocol_version == "2026-07-28"
        listed = await client.list_tools()
        order = await buy(client)
        async with client.listen(resource_subscriptions=[order["uri"]]) as updates:
            await advance(order, minutes=2)
            async with asyncio.timeout(60):
                assert await anext(updates) == ResourceUpdated(order["uri"])
        mine = {"order_id": order["number"], "ticket": order["ticket"], "wait_seconds": 1}
        await client.call_tool("track_order", mine, progress_callback=hear)
        await until(lambda: push.counts()["listen_streams"] == 0)

    assert "send_notification" in {tool.name for tool in listed.tools}
    assert len(steps) == 1


async def test_a_session_is_told_also_after_it_was_forgotten(
    phone: Variant, shop: str, keys: Keys
) -> None:
    told = Told()
    async with bridged(shop, keys, told=told, mode="legacy", toolset="storefront") as client:
        listed = await client.list_tools()
        order = await buy(client)
        await advance(order, minutes=2)
        assert await told.next() == order["uri"]

        await asgi.shutdown()
        await advance(order, minutes=4)
        assert await told.next() == order["uri"]
        mine = {"order_id": order["number"], "ticket": order["ticket"]}
        assert (await call(client, "track_order", **mine))["status"] == "preparing"
        assert await in_thread(FollowedResource.objects.count)() == 1

    names = {tool.name for tool in listed.tools}
    assert "search_products" in names
    assert "replay_events" not in names
    assert not await in_thread(FollowedResource.objects.exists)()


async def test_the_token_is_renewed_and_what_is_followed_goes_on(
    phone: Variant, shop: str, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_tokens, "LIFETIME", timedelta(seconds=2))
    # times in tokens are whole seconds
    monkeypatch.setattr(remote, "RENEWED_AFTER", 0.2)
    told = Told()
    async with bridged(shop, keys, told=told, mode="legacy") as client:
        order = await buy(client)
        first = _follower()._caller.expires_at
        await until(lambda: timezone.now() > first)
        assert _follower()._caller.expires_at > first
        await advance(order, minutes=2)
        assert await told.next() == order["uri"]


async def test_without_another_token_what_is_followed_ends(
    phone: Variant, shop: str, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin of the test above."""
    monkeypatch.setattr(access_tokens, "LIFETIME", timedelta(seconds=2))

    async def never(_account: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(remote.Account, "renewed", never)
    async with bridged(shop, keys, mode="legacy") as client:
        await buy(client)
        assert _follower().followed
        await until(lambda: not _follower().followed)


async def test_a_token_that_was_revoked_is_replaced(
    committed: None, shop: str, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bridged(shop, keys) as client:
        await call(client, "connection_status")
        before = await in_thread(RefreshToken.objects.count)()
        monkeypatch.setattr(access_tokens, "_keys", lambda: {"other": b"another key" * 4})
        await call(client, "connection_status")

    assert await in_thread(RefreshToken.objects.count)() == before + 1


async def test_a_number_of_any_size_does_not_end_the_bridge(phone: Variant, shop: str) -> None:
    async with bridged(shop) as client:
        result = await client.call_tool("search_products", {"query": "x", "limit": 2**70})
        assert result.is_error
        assert await call(client, "search_products", query="iPhone")


async def code(shop: str, keys: Keys | None = None, *, token: str = "") -> int:
    """Of the error with which a client is answered that begins."""
    with pytest.raises((MCPError, ExceptionGroup)) as caught:
        async with bridged(shop, keys, mode="legacy", token=token):
            raise AssertionError("it has begun")
    problem: BaseException = caught.value
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    assert isinstance(problem, MCPError)
    return problem.error.code


async def test_a_shop_that_is_away_is_not_available() -> None:
    assert await code(f"http://127.0.0.1:{free_port()}", WRONG) == -32000
    assert await code(f"http://127.0.0.1:{free_port()}") == -32000


async def test_wrong_keys_are_a_matter_of_authentication(committed: None, shop: str) -> None:
    assert await code(shop, WRONG) == -32002
    assert await code(shop, token="made-up") == -32002


async def test_too_many_sign_ins_are_a_limit(
    committed: None, shop: str, keys: Keys, settings: Settings
) -> None:
    settings.MUSEO_SIGN_INS_PER_MINUTE = 1
    assert await code(shop, WRONG) == -32002
    assert await code(shop, keys) == -32003


async def test_what_is_no_museo_is_an_error_of_its_api(committed: None, shop: str) -> None:
    assert await code(f"{shop}/elsewhere") == -32001


async def test_a_shop_that_comes_back_is_asked_again(
    phone: Variant, woken: None, hub_ends: None
) -> None:
    port = free_port()
    ask = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE}
    async with pipe(f"http://127.0.0.1:{port}") as (told, tell):
        answers = []
        await tell.send(message(json.dumps(ask)))
        answers.append(await told.receive())
        async with serve(port):
            await tell.send(message(json.dumps(ask)))
            answers.append(await told.receive())

    assert answers[0].message.error.code == -32000
    assert answers[1].message.result["serverInfo"]["name"] == "museo-mcp-orchestrator"


async def test_the_command_needs_no_database_and_ends_with_its_client(
    phone: Variant, shop: str, keys: Keys
) -> None:
    command = StdioServerParameters(
        command=sys.executable,
        args=["manage.py", "mcp_stdio", "--toolset", "storefront"],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing",
            "REDIS_URL": "",
            "MCP_MUSEO_API_URL": shop,
            "MCP_API_KEY": keys.api_key,
            "MCP_API_SECRET": keys.api_secret,
        },
    )
    told = Told()
    async with Client(
        stdio_client(command), mode="legacy", message_handler=told.hear, read_timeout_seconds=60
    ) as client:
        order = await buy(client)
        await advance(order, minutes=2)
        assert await told.next() == order["uri"]

    # the session is ended by a program that is left alone, not by one that is killed
    await until(lambda: push.counts()["sessions"] == 0)


def _follower() -> Any:
    (follower,) = push._followers.values()
    return follower
