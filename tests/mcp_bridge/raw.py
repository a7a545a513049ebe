"""JSON-RPC by hand, as curl sends it."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import httpx

from tests.mcp_bridge.conftest import BUYER, SKU
from tests.processes import TLS

LEGACY = {"accept": "application/json, text/event-stream"}
INITIALIZE = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "test-client", "version": "1.0.0"},
}


def modern(method: str, name: str = "") -> dict[str, str]:
    """The headers of a call since 2026-07-28."""
    headers = {**LEGACY, "mcp-protocol-version": "2026-07-28", "mcp-method": method}
    return {**headers, "mcp-name": name} if name else headers


META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": INITIALIZE["clientInfo"],
}


class Raw:
    """Posts messages to one address."""

    def __init__(self, client: httpx.AsyncClient, address: str) -> None:
        self.client = client
        self.address = address

    async def post(self, body: Any, **headers: str) -> httpx.Response:
        """`body` as it is if it is bytes, else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(
            self.address, content=content, headers={"content-type": "application/json", **given}
        )

    async def ask(self, method: str, params: Any, **headers: str) -> Any:
        """The result of a call, whichever way it is answered."""
        message = {"jsonrpc": "2.0", "id": "1", "method": method, "params": params}
        response = await self.post(message, **headers)
        text = response.text
        if response.headers["content-type"].startswith("text/event-stream"):
            text = next(line for line in text.splitlines() if line.startswith("data: {"))[6:]
        return json.loads(text)["result"]

    async def initialize(self, **headers: str) -> dict[str, str]:
        """Open a session; the headers that name it."""
        message = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": INITIALIZE}
        response = await self.post(message, **LEGACY, **headers)
        session = {"mcp_session_id": response.headers["mcp-session-id"], **LEGACY, **headers}
        await self.post({"jsonrpc": "2.0", "method": "notifications/initialized"}, **session)
        return session

    async def call(self, tool: str, arguments: Any, **headers: str) -> Any:
        result = await self.ask("tools/call", {"name": tool, "arguments": arguments}, **headers)
        return result["structuredContent"]

    async def buy(self, headers: dict[str, str]) -> Any:
        basket = await self.call("add_to_basket", {"sku": SKU}, **headers)
        buyer = {**BUYER, "basket_token": basket["basket_token"]}
        question = await self.call("place_order", buyer, **headers)
        return await self.call("place_order", {**buyer, "confirm": question["confirm"]}, **headers)

    @asynccontextmanager
    async def stream(self, session: dict[str, str]) -> AsyncIterator[AsyncIterator[Any]]:
        """The messages on a session's own stream."""
        headers = {name.replace("_", "-"): value for name, value in session.items()}
        async with (
            self.client.stream("GET", self.address, headers=headers) as response,
            aclosing(_messages(response)) as messages,
        ):
            yield messages


async def _messages(response: httpx.Response) -> AsyncGenerator[Any, None]:
    async for line in response.aiter_lines():
        if line.startswith("data: {"):
            yield json.loads(line[6:])


@asynccontextmanager
async def raw(address: str) -> AsyncIterator[Raw]:
    async with httpx.AsyncClient(timeout=60, verify=TLS) as client:
        yield Raw(client, address)
