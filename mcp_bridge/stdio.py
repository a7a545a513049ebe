"""The server on standard input and output, as a program that an MCP client starts for itself.

Standard output is the client's alone: whatever else is written there goes to standard error.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, cast

from django.conf import settings
from mcp.server.stdio import stdio_server

from mcp_bridge.lines import lines
from mcp_bridge.messages import Incoming, Outgoing
from museo.lazy import Lazy

# the one who serves a shop far away has no use for this one
calls = Lazy("mcp_bridge.calls")
children = Lazy("mcp_bridge.children.tools")
pipes = Lazy("mcp_bridge.pipes")
push = Lazy("mcp_bridge.push")
hub = Lazy("notifications.live.hub")
remote = Lazy("mcp_bridge.remote")
STDIN = 0
# a client that reads no more holds nobody up for longer
PATIENCE_SECONDS = 3


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[Incoming, Outgoing]]:
    """The messages of whoever has started this program, and the way to tell them some."""
    source = lines(STDIN)
    async with stdio_server(stdin=cast(Any, source)) as (incoming, outgoing):
        yield cast(Incoming, incoming), outgoing


async def serve(toolset: str, token: str) -> None:
    """Serve this shop."""
    scope = pipes.scope(token, toolset=toolset)
    try:
        async with opened() as (incoming, outgoing):
            await pipes.serve(
                incoming, outgoing, scope, partial(calls.bearer, token, scope["path"])
            )
    finally:
        push.close()
        if settings.MUSEO_MCP_SERVERS:
            await children.end()
        if running := hub.running():
            await running.stop()


async def serve_far_away(toolset: str, token: str) -> None:
    """Serve the shop at MCP_MUSEO_API_URL."""
    async with opened() as (incoming, outgoing):
        await remote.serve(
            incoming,
            outgoing,
            shop=settings.MCP_MUSEO_API_URL,
            toolset=toolset,
            key=settings.MCP_API_KEY,
            secret=settings.MCP_API_SECRET,
            token=token,
        )


def run(client: Awaitable[None]) -> None:
    """Serve until the client has said all, or somebody ends the program."""
    with suppress(asyncio.CancelledError):
        asyncio.run(_until_told(client))


async def _until_told(client: Awaitable[None]) -> None:
    loop, serving = asyncio.get_running_loop(), asyncio.current_task()

    def end() -> None:
        watch = threading.Timer(PATIENCE_SECONDS, os._exit, [0])
        watch.daemon = True
        watch.start()
        if serving is not None:
            serving.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    await client
