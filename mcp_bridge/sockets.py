"""`/ws/mcp`: JSON-RPC messages as text frames, each way, on one WebSocket.

The subprotocol is `mcp`. The token comes in the header `Authorization`, as the subprotocol
`bearer.<token>` or as `?token=`, an order's ticket as `?ticket=`. Closed with 4401 (who are you),
1012 (restarting: come back), 1013 (too many: come back later).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import anyio
import mcp_types as types
import orjson
from mcp.shared.message import SessionMessage
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from mcp_bridge import calls, pipes
from mcp_bridge.assistant import sockets as assistant
from mcp_bridge.calls import BEARER_KEY, caller_of
from mcp_bridge.messages import NOT_AUTHENTICATED, RATE_LIMITED, Refused, id_of, message
from museo.access import limits
from museo.access.access_tokens import InvalidToken
from museo.access.asgi import bearer_subprotocol, presented_token
from museo.access.callers import Caller
from museo.access.problems import Problem
from notifications.live import stats
from notifications.live.clients import RESTARTING, TRY_AGAIN
from notifications.live.expiry import WHO_ARE_YOU, Expiry
from notifications.live.hub import here

SUBPROTOCOL = "mcp"
KIND = "mcp"
FINE = 1000
# the client has left without our doing
GONE = 1006
# what is larger goes by HTTP
LARGEST_FRAME = 256 * 1024
# how long a client has to say what it is
FIRST_FRAME_SECONDS = 30

_open: set[Socket] = set()


def close() -> None:
    """End every socket; clients open them again elsewhere."""
    for socket in tuple(_open):
        socket.end(RESTARTING)


async def serve(scope: Scope, receive: Receive, send: Send) -> None:
    """A socket that is MCP's by its address."""
    await receive()
    socket = Socket(scope, receive, send)
    await socket.accept()
    await socket.serve()


async def serve_by_first_frame(scope: Scope, receive: Receive, send: Send) -> None:
    """One that is told apart by its first frame: with `jsonrpc` MCP's, else the assistant's."""
    await receive()
    socket = Socket(scope, receive, send)
    await socket.accept()
    try:
        async with asyncio.timeout(FIRST_FRAME_SECONDS):
            first = await receive()
    except TimeoutError:
        await socket.refuse("too_slow", "Nothing was said. Say what you want.", TRY_AGAIN)
        return
    if first["type"] == "websocket.disconnect":
        return
    if _is_json_rpc(first):
        await socket.serve(first)
    else:
        await assistant.serve_accepted(scope, receive, send, first)


class Socket:
    """One connection; accepted first, then served or refused."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._token = presented_token(scope)
        self._client = pipes.scope(
            self._token,
            headers=scope["headers"],
            query_string=scope.get("query_string", b""),
            client=scope.get("client"),
        )
        self._bucket = limits.of_frames()
        self._serving = anyio.CancelScope()
        # what it is closed with; none as long as it goes on
        self._code = 0

    async def accept(self) -> None:
        offered = self._scope.get("subprotocols") or ()
        chosen = SUBPROTOCOL if SUBPROTOCOL in offered else bearer_subprotocol(self._scope)
        await self._send({"type": "websocket.accept", "subprotocol": chosen})

    async def refuse(self, code: str, detail: str, close_code: int) -> None:
        """Say what is wrong as an assistant would, and close."""
        problem = {"type": "error", "code": code, "message": detail}
        await self._write(orjson.dumps(problem).decode())
        await self._close(close_code)

    async def serve(self, first: Message | None = None) -> None:
        """Answer to the end; `first` has been received already."""
        try:
            caller = caller_of(Request({**self._client, BEARER_KEY: await self._bearer()}))
            hub, who = await here(), caller.who or caller.address
            hub.connections.enter(KIND, who)
        except InvalidToken as problem:
            await self._decline(NOT_AUTHENTICATED, problem, WHO_ARE_YOU)
            return
        except stats.TooManyStreams as problem:
            await self._decline(RATE_LIMITED, problem, TRY_AGAIN)
            return
        expiry = Expiry(caller.expires_at, self._expire)
        _open.add(self)
        try:
            with self._serving:
                await self._exchange(first)
        finally:
            _open.discard(self)
            expiry.cancel()
            hub.connections.exit(KIND, who)
        if self._code != GONE:
            await self._close(self._code or FINE)

    def end(self, code: int) -> None:
        self._code = code
        self._serving.cancel()

    async def _exchange(self, first: Message | None) -> None:
        outgoing, to_client = anyio.create_memory_object_stream[SessionMessage]()

        async def tell() -> None:
            async with to_client:
                async for each in to_client:
                    await self._write(_text(each.message))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(tell)
            await pipes.serve(self._said(first), outgoing, self._client, self._bearer)

    async def _said(self, first: Message | None) -> AsyncIterator[SessionMessage | Exception]:
        """What the client says, until it goes or its token is refused."""
        while not self._code:
            frame, first = first or await self._receive(), None
            if frame["type"] == "websocket.disconnect":
                self._code = GONE
            else:
                yield self._read(frame.get("text"))

    def _read(self, text: str | None) -> SessionMessage | Exception:
        if text is None or len(text) > LARGEST_FRAME:
            return Refused(None, types.INVALID_REQUEST, "Send text frames of at most 256 KB.")
        said = message(text)
        if self._bucket.take():
            return said
        stats.REFUSED.labels("frames").inc()
        id = id_of(said.message) if isinstance(said, SessionMessage) else None
        return Refused(id, RATE_LIMITED, "That was too often. Try again in a second.")

    async def _bearer(self) -> Caller | None:
        try:
            return await calls.bearer(self._token)
        except InvalidToken:
            self._code = WHO_ARE_YOU
            raise

    async def _expire(self) -> None:
        self.end(WHO_ARE_YOU)

    async def _decline(self, code: int, problem: Problem, close_code: int) -> None:
        await self._write(_text(Refused(None, code, problem.detail).answer))
        await self._close(close_code)

    async def _write(self, text: str) -> None:
        # whoever has gone need not be told
        with suppress(OSError):
            await self._send({"type": "websocket.send", "text": text})

    async def _close(self, code: int) -> None:
        with suppress(OSError):
            await self._send({"type": "websocket.close", "code": code})


def _text(message: types.JSONRPCMessage) -> str:
    return message.model_dump_json(by_alias=True, exclude_unset=True)


def _is_json_rpc(frame: Message) -> bool:
    try:
        said = orjson.loads(frame.get("text") or "")
    except orjson.JSONDecodeError:
        return False
    return isinstance(said, dict) and "jsonrpc" in said
