"""Looks at a shop's MCP as clients of both eras do, and says in words what is wrong."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import mcp_types as types
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

ANSWERS_WITHIN = 15.0
ERAS = {"auto": "2026-07-28", "legacy": "before 2026-07-28"}
FEED = "museo://live-feed"
PING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "mcp_doctor", "version": "1"},
    },
}
# what a program is to do about a status
ADVICE = {
    400: "The shop does not know this host name: add it to MUSEO_ALLOWED_HOSTS.",
    401: "The token is not valid, or is for another address: get a new one (docs/access.md).",
    403: "Something in front of the shop forbids it: look at the proxy's rules.",
    404: "There is no MCP at this address: it ends in /mcp or /mcp/<toolset>.",
    405: "POST is not let through: look at the proxy's rules.",
    429: "Too many calls came from here: wait a minute.",
    502: "The proxy does not reach the shop: is it open? See /healthz.",
    503: "The shop cannot answer now: see /healthz.",
    504: "The shop did not answer the proxy in time: see /healthz.",
}


class Ill(Exception):
    """Something is wrong; what it is and what to do, in a sentence or two."""


@dataclass
class Heard:
    """The resources that a session was told of."""

    updates: asyncio.Queue[str]

    async def hear(self, message: Any) -> None:
        if isinstance(message, types.ResourceUpdatedNotification):
            self.updates.put_nowait(str(message.params.uri))


async def examine(address: str, *, token: str, say: Callable[[str], None]) -> bool:
    """Say what is well and what is not; whether all is well. Nothing in the shop is changed."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        await _step(say, "The address answers", _reach(address, headers))
    except Ill:
        return False
    is_well = True
    for era, name in ERAS.items():
        say(f"As a client of {name}:")
        try:
            await _as_client(address, headers, era, say)
        except Ill:
            is_well = False
    return is_well


async def _as_client(
    address: str, headers: dict[str, str], era: str, say: Callable[[str], None]
) -> None:
    async with httpx2.AsyncClient(headers=headers, timeout=ANSWERS_WITHIN) as http:
        heard = Heard(asyncio.Queue())
        client = Client(
            streamable_http_client(address, http_client=http),
            mode=era,
            message_handler=heard.hear,
            read_timeout_seconds=ANSWERS_WITHIN,
            cache=None,
        )
        async with _connected(client, say) as connected:
            await _step(say, "Tools are listed", _list(connected))
            await _step(say, "A tool is called", _call(connected))
            telling = _listen(connected) if era == "auto" else _subscribe(connected, heard)
            await _step(say, "What happens is told unasked", telling)


@asynccontextmanager
async def _connected(client: Client, say: Callable[[str], None]) -> AsyncIterator[Client]:
    """Discover or initialize; a trouble of the way out is none."""

    async def connect() -> str:
        await client.__aenter__()
        name = client.server_info.name if client.server_info else "nameless"
        return f"{name}, {client.protocol_version}"

    await _step(say, "It says who it is", connect())
    try:
        yield client
    finally:
        await client.__aexit__(None, None, None)


async def _step(say: Callable[[str], None], what: str, doing: Awaitable[str]) -> None:
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            found = await doing
    except Ill as ill:
        say(f"  ✗ {what}: no. {ill}")
        raise
    except TimeoutError:
        say(f"  ✗ {what}: no answer within {ANSWERS_WITHIN:.0f} s. Does a proxy buffer answers?")
        raise Ill from None
    except MCPError as error:
        say(f"  ✗ {what}: no. The shop says: {error.message} (code {error.code})")
        raise Ill from None
    except (httpx2.HTTPError, BaseExceptionGroup) as error:
        say(f"  ✗ {what}: no. The connection broke ({type(error).__name__}).")
        raise Ill from None
    say(f"  ✓ {what}: {found}")


async def _reach(address: str, headers: dict[str, str]) -> str:
    accepts = {"Accept": "application/json, text/event-stream", **headers}
    async with httpx2.AsyncClient(headers=accepts, timeout=ANSWERS_WITHIN) as http:
        try:
            answer = await http.post(address, json=PING)
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
            raise Ill("This is no address; write such as http://127.0.0.1:8000/mcp.") from None
        except httpx2.HTTPError as error:
            raise Ill(
                f"Nothing answers there ({type(error).__name__}). Is the shop open (scripts/run,"
                " manage.py up), and is the address right?"
            ) from None
    if answer.status_code != 200:
        advice = ADVICE.get(answer.status_code, "Look at the shop's log.")
        raise Ill(f"It answers with HTTP {answer.status_code}. {advice}")
    if "jsonrpc" not in answer.text:
        raise Ill("What answers is no MCP server: the address ends in /mcp or /mcp/<toolset>.")
    return f"HTTP {answer.status_code}"


async def _list(client: Client) -> str:
    names = [tool.name for tool in (await client.list_tools()).tools]
    if not names:
        raise Ill("There are none: the token's scopes open nothing (docs/access.md).")
    return f"{len(names)}, such as {names[0]}"


async def _call(client: Client) -> str:
    result = await client.call_tool("connection_status", {})
    status = result.structured_content
    if result.is_error or not status:
        raise Ill("connection_status refuses: it needs shop:read, and /mcp or /mcp/realtime.")
    return f"{status['active_connections']} connected"


async def _listen(client: Client) -> str:
    async with client.listen(resource_subscriptions=[FEED]) as updates:
        if FEED not in (updates.honored.resource_subscriptions or []):
            raise Ill(f"{FEED} is not honoured: the caller may not read it.")
        await _let_something_happen(client)
        await anext(updates)
    return "listened, and heard"


async def _subscribe(client: Client, heard: Heard) -> str:
    with warnings.catch_warnings():
        # the SDK says of the older era that it is older
        warnings.simplefilter("ignore")
        await client.subscribe_resource(FEED)
        await _let_something_happen(client)
        while await heard.updates.get() != FEED:
            continue
        await client.unsubscribe_resource(FEED)
    return "subscribed, and heard"


async def _let_something_happen(client: Client) -> None:
    """A task of one step, which only its caller hears of."""
    task = {"task_name": "mcp_doctor", "duration_seconds": 1, "step_count": 1}
    result = await client.call_tool("simulate_progress", task)
    if result.is_error:
        raise Ill("simulate_progress refuses: it needs basket:write, and /mcp or /mcp/realtime.")
