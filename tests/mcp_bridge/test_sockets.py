"""MCP on a WebSocket, at `/ws/mcp` and, by the first frame, at `/`."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from catalog.models import Variant
from mcp_bridge import asgi, sockets
from museo.access import accounts, grants, limits
from notifications import access_changes
from notifications.live.hub import in_thread
from tests.mcp_bridge.conftest import BUYER, SKU, advance
from tests.mcp_bridge.raw import INITIALIZE, META
from tests.notifications.conftest import serving
from tests.processes import until


class Wire:
    """JSON-RPC by hand."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._ids = 0

    async def say(self, message: Any) -> None:
        await self.connection.send(message if isinstance(message, str) else json.dumps(message))

    async def next(self) -> Any:
        async with asyncio.timeout(60):
            return json.loads(await self.connection.recv())

    async def ask(self, method: str, **params: Any) -> Any:
        self._ids += 1
        await self.say({"jsonrpc": "2.0", "id": self._ids, "method": method, "params": params})
        answer = await self.next()
        assert answer["id"] == self._ids
        return answer.get("result") or answer["error"]

    async def initialize(self) -> Any:
        result = await self.ask("initialize", **INITIALIZE)
        await self.say({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return result

    async def call(self, tool: str, **arguments: Any) -> Any:
        result = await self.ask("tools/call", name=tool, arguments=arguments)
        return result["structuredContent"]

    async def buy(self) -> Any:
        basket = await self.call("add_to_basket", sku=SKU)
        buyer = {**BUYER, "basket_token": basket["basket_token"]}
        question = await self.call("place_order", **buyer)
        return await self.call("place_order", **buyer, confirm=question["confirm"])

    async def closed(self) -> int:
        """The code with which the server closes, after whatever it has still to say."""
        async with asyncio.timeout(60):
            with suppress(ConnectionClosed):
                async for _said in self.connection:
                    continue
            await self.connection.wait_closed()
        assert self.connection.close_code
        return self.connection.close_code


@pytest.fixture
async def shop(woken: None, hub_ends: None) -> AsyncIterator[str]:
    """The shop's own application."""
    async with serving() as address:
        yield address.replace("http:", "ws:")
        await asgi.shutdown()


@asynccontextmanager
async def wire(address: str, *more: str, **options: Any) -> AsyncIterator[Wire]:
    offered = [Subprotocol(name) for name in ("mcp", *more)]
    async with connect(address, subprotocols=offered, **options) as connection:
        yield Wire(connection)


async def token(*scopes: str) -> tuple[str, str]:
    """A service account's, and the account's name."""
    now = timezone.now()
    keys = await in_thread(accounts.create)(name="agent", scopes=scopes, now=now)
    return (await in_thread(grants.give)(keys.account, now=now)).access_token, keys.account.name


@pytest.mark.parametrize("path", ["/ws/mcp", "/"])
async def test_an_order_is_bought_and_its_steps_are_pushed(
    phone: Variant, shop: str, path: str
) -> None:
    async with wire(shop + path) as client:
        opened = await client.initialize()
        order = await client.buy()
        await advance(order, minutes=2)
        update = await client.next()
        subprotocol = client.connection.subprotocol
    await until(lambda: not sockets._open)

    assert (subprotocol, opened["serverInfo"]["name"]) == ("mcp", "museo-mcp-orchestrator")
    assert order["delivery"] == "session"
    assert update["method"] == "notifications/resources/updated"
    assert update["params"]["uri"] == order["uri"]


async def test_a_client_of_today_listens_on_the_socket(phone: Variant, shop: str) -> None:
    async with wire(f"{shop}/ws/mcp") as client:
        listed = await client.ask("tools/list", _meta=META)
        bought = await client.ask(
            "tools/call", name="add_to_basket", arguments={"sku": SKU}, _meta=META
        )
        await client.say(
            {
                "jsonrpc": "2.0",
                "id": "listening",
                "method": "subscriptions/listen",
                "params": {
                    "_meta": META,
                    "notifications": {"resourceSubscriptions": ["museo://x"]},
                },
            }
        )
        acknowledged = await client.next()

    assert "search_products" in {tool["name"] for tool in listed["tools"]}
    assert bought["structuredContent"]["lines"][0]["sku"] == SKU
    assert acknowledged["method"] == "notifications/subscriptions/acknowledged"
    assert not acknowledged["params"]["notifications"].get("resourceSubscriptions")


@pytest.mark.parametrize("way", ["header", "subprotocol", "query"])
async def test_a_token_opens_the_tools_of_its_scopes(committed: None, shop: str, way: str) -> None:
    given, _name = await token("notify:send")
    headers = {"authorization": f"Bearer {given}"} if way == "header" else {}
    protocols = [f"bearer.{given}"] if way == "subprotocol" else []
    query = f"?token={given}" if way == "query" else ""

    async with wire(f"{shop}/ws/mcp{query}", *protocols, additional_headers=headers) as client:
        await client.initialize()
        listed = await client.ask("tools/list")

    names = {tool["name"] for tool in listed["tools"]}
    assert "send_notification" in names
    assert "search_products" not in names


async def test_a_bad_token_is_told_so_and_closed_with_4401(committed: None, shop: str) -> None:
    async with wire(f"{shop}/ws/mcp?token=made-up") as client:
        told = await client.next()
        code = await client.closed()

    assert (told["id"], told["error"]["code"], code) == (None, -32002, 4401)


async def test_a_token_that_is_revoked_opens_nothing_more(committed: None, shop: str) -> None:
    given, _name = await token("shop:read")
    async with wire(f"{shop}/ws/mcp", f"bearer.{given}") as client:
        await client.initialize()
        account = await in_thread(accounts.named)("agent")
        await in_thread(access_changes.revoke_account)(account, now=timezone.now())
        refused = await client.ask("tools/list")
        code = await client.closed()

    assert (refused["code"], code) == (-32002, 4401)


async def test_a_socket_ends_with_its_token(
    committed: None, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("museo.access.access_tokens.LIFETIME", timedelta(seconds=2))
    given, _name = await token("shop:read")
    async with wire(f"{shop}/ws/mcp", f"bearer.{given}") as client:
        assert await client.closed() == 4401


async def test_what_is_no_message_is_answered_and_the_socket_stays(
    committed: None, shop: str
) -> None:
    async with wire(f"{shop}/ws/mcp") as client:
        answers = []
        for said in ("{", '{"jsonrpc": "1.0"}', "[]", f'"{"x" * sockets.LARGEST_FRAME}"'):
            await client.say(said)
            answers.append(await client.next())
        await client.connection.send(b"{}")
        answers.append(await client.next())
        opened = await client.initialize()

    codes = [answer["error"]["code"] for answer in answers]
    assert codes == [-32700, -32600, -32600, -32600, -32600]
    assert {answer["id"] for answer in answers} == {None}
    assert opened["protocolVersion"] == INITIALIZE["protocolVersion"]


async def test_who_says_too_much_is_told_to_wait(
    committed: None, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FRAMES_AT_ONCE", 2)
    monkeypatch.setattr(limits, "FRAMES_PER_SECOND", 0.001)
    async with wire(f"{shop}/ws/mcp") as client:
        await client.initialize()
        refused = await client.ask("ping")

    assert refused["code"] == -32003


async def test_a_caller_has_so_many_sockets(committed: None, shop: str, settings: Settings) -> None:
    settings.MUSEO_STREAMS_PER_CALLER = 1
    async with wire(f"{shop}/ws/mcp") as first, wire(f"{shop}/ws/mcp") as second:
        told = await second.next()
        code = await second.closed()
        opened = await first.initialize()

    assert (told["error"]["code"], code) == (-32003, 1013)
    assert opened["serverInfo"]


async def test_sockets_are_closed_with_1012_when_the_shop_restarts(
    committed: None, shop: str
) -> None:
    async with wire(f"{shop}/ws/mcp") as client:
        await client.initialize()
        await asgi.shutdown()
        assert await client.closed() == 1012


async def test_whoever_speaks_no_json_rpc_speaks_with_the_assistant(
    committed: None, shop: str
) -> None:
    async with wire(shop) as client:
        # as the source documents' admin client says it
        await client.say({"userId": "1", "message": "hello", "clientType": "web-admin"})
        told = [await client.next()]
        while told[-1]["type"] != "response":
            told.append(await client.next())

    assert told[0]["type"] == "accepted"
    assert told[-1]["message"] == "Hello! What are you looking for?"


async def test_who_says_nothing_is_not_waited_for(
    committed: None, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "FIRST_FRAME_SECONDS", 0.01)
    async with wire(shop) as client:
        told = await client.next()
        code = await client.closed()

    assert (told["code"], code) == ("too_slow", 1013)
