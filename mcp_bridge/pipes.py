"""A pipe has one client at its end: standard input and output, or a WebSocket.

Both eras are spoken on it, whichever its first request speaks. Each message comes from whoever the
pipe's token speaks for at that moment; one without a token comes from a guest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import anyio
from django.db import DatabaseError
from mcp.shared.message import ServerMessageMetadata, SessionMessage
from starlette.requests import Request
from starlette.types import Scope

from mcp_bridge.calls import BEARER_KEY, TOOLSET_KEY
from mcp_bridge.messages import (
    NOT_AUTHENTICATED,
    NOT_AVAILABLE,
    Incoming,
    Outgoing,
    Refused,
    id_of,
    unreadable,
)
from mcp_bridge.server import server
from museo.access.access_tokens import InvalidToken
from museo.access.callers import Caller

Header = tuple[bytes, bytes]


def scope(token: str, *, toolset: str = "", headers: Iterable[Header] = (), **known: Any) -> Scope:
    """What is known of a client once and for all, as an HTTP request would say it."""
    given = list(headers)
    if token and not any(name == b"authorization" for name, _value in given):
        given.append((b"authorization", f"Bearer {token}".encode()))
    return {
        "type": "http",
        "method": "POST",
        "path": f"/mcp/{toolset}".rstrip("/"),
        "query_string": b"",
        "headers": given,
        **known,
        TOOLSET_KEY: toolset,
    }


async def serve(
    incoming: Incoming,
    outgoing: Outgoing,
    scope: Scope,
    bearer: Callable[[], Awaitable[Caller | None]],
) -> None:
    """Answer a client to the end of its messages.

    `bearer` finds whoever the token speaks for now, None without a token; raises InvalidToken.
    """
    let_in, admitted = anyio.create_memory_object_stream[SessionMessage | Exception]()

    async def admit() -> None:
        async with let_in:
            async for each in incoming:
                try:
                    await let_in.send(await _admitted(each, scope, bearer))
                except Refused as refused:
                    await outgoing.send(SessionMessage(refused.answer))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(admit)
        await server.run(admitted, outgoing, server.create_initialization_options())
        tasks.cancel_scope.cancel()


async def _admitted(
    said: SessionMessage | Exception,
    scope: Scope,
    bearer: Callable[[], Awaitable[Caller | None]],
) -> SessionMessage:
    if isinstance(said, Exception):
        raise unreadable(said)
    try:
        caller = await bearer()
    except InvalidToken as problem:
        raise Refused(id_of(said.message), NOT_AUTHENTICATED, problem.detail) from problem
    except DatabaseError as problem:
        detail = "The shop cannot be asked right now. Try again in a minute."
        raise Refused(id_of(said.message), NOT_AVAILABLE, detail) from problem
    request = Request({**scope, BEARER_KEY: caller})
    return SessionMessage(said.message, ServerMessageMetadata(request_context=request))
