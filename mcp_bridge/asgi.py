"""`/mcp` and `/ws/mcp` in ASGI, which start by their first client."""

import asyncio
from contextlib import AsyncExitStack

from django.conf import settings
from starlette.types import Receive, Scope, Send

from mcp_bridge import neighbours, push, sockets
from mcp_bridge.assistant import answering
from mcp_bridge.assistant import sockets as assistant
from mcp_bridge.transport import Transport
from museo.lazy import Lazy
from notifications.live.hub import here

children = Lazy("mcp_bridge.children.tools")
PATIENCE_SECONDS = 0.5
FIXTURES = "/mcp-conformance"


class _Running:
    """Transports and the one task that holds their managers open, as they demand."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.transport = Transport()
        self.fixtures = _fixtures()
        self.calls: set[asyncio.Task[object]] = set()
        self.streams: set[asyncio.Task[object]] = set()
        self._is_open = asyncio.Event()
        self._is_ending = asyncio.Event()
        self._serving = asyncio.create_task(self._serve())

    async def opened(self) -> None:
        await self._is_open.wait()
        if self._serving.done():
            await self._serving

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        requests = self.calls if scope["method"] == "POST" else self.streams
        request = asyncio.current_task()
        assert request is not None  # noqa: S101  an ASGI application always runs in a task
        requests.add(request)
        try:
            # what another process passes on has the second
            if self.fixtures and FIXTURES in (scope["path"].rstrip("/"), scope.get("root_path")):
                scope = {**scope, "path": "/mcp", "root_path": FIXTURES}
                await self.fixtures(scope, receive, send)
            else:
                await self.transport(scope, receive, send)
        finally:
            requests.discard(request)

    async def end(self) -> None:
        """Calls and listen streams end by themselves, sessions' streams with their managers."""
        push.close()
        sockets.close()
        assistant.close()
        await _wait_for(self.calls)
        if settings.MUSEO_MCP_SERVERS:
            await children.end()
        self._is_ending.set()
        await self._serving
        await _wait_for(self.streams)

    async def _serve(self) -> None:
        try:
            async with AsyncExitStack() as stack:
                fixtures = self.fixtures.managers if self.fixtures else ()
                for manager in (*self.transport.managers, *fixtures):
                    await stack.enter_async_context(manager.run())
                await stack.enter_async_context(neighbours.answering(self.serve))
                self._is_open.set()
                await self._is_ending.wait()
        finally:
            self._is_open.set()


def _fixtures() -> Transport | None:
    """What the conformance suite calls, where the settings ask for it."""
    if not settings.MUSEO_MCP_CONFORMANCE:
        return None
    from mcp_bridge import conformance

    return conformance.transport()


async def _wait_for(requests: set[asyncio.Task[object]]) -> None:
    if requests:
        await asyncio.wait(requests, timeout=PATIENCE_SECONDS)


_running: _Running | None = None


async def shutdown() -> None:
    """End what is open, in well under a second; clients open it again elsewhere."""
    global _running
    running, _running = _running, None
    if running is not None and running.loop is asyncio.get_running_loop():
        await running.end()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """HTTP under `/mcp`, and at FIXTURES."""
    await (await _ready()).serve(scope, receive, send)


async def socket(scope: Scope, receive: Receive, send: Send) -> None:
    """A WebSocket at `/ws/mcp`."""
    await _ready()
    await sockets.serve(scope, receive, send)


async def socket_by_first_frame(scope: Scope, receive: Receive, send: Send) -> None:
    """A WebSocket at `/`."""
    await _ready()
    await sockets.serve_by_first_frame(scope, receive, send)


async def assistant_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """A WebSocket at `/ws/assistant/`."""
    await _ready()
    await assistant.serve(scope, receive, send)


async def answer(message_id: str) -> None:
    """Answer a message that no process has at work, unless somebody else is quicker."""
    await answering.here().hear_of(message_id)


async def _ready() -> _Running:
    global _running
    # another event loop is another server, as in tests
    if _running is None or _running.loop is not asyncio.get_running_loop():
        _running = _Running()
    running = _running
    await running.opened()
    await here()
    return running
