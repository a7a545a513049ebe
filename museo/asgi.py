"""The one ASGI application: streams, sockets and MCP here, everything else to Django."""

import asyncio
import gc
import logging
import os
import re
import signal
import threading
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import django

from museo import garbage

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "museo.settings")
with garbage.not_among_what_is_loaded():
    django.setup(set_prefix=False)

from django.conf import settings
from django.db import DatabaseError
from django.utils import translation

from museo import receivers
from museo.access.asgi import header, query
from museo.edge import Receive, Scope, Send, edge
from museo.pages import Pages
from notifications.live import hub, waiting
from notifications.live.consumers import EventSocket
from notifications.live.frames import Batch
from notifications.live.sse import (
    READS,
    EventStream,
    FlatStream,
    OrderStream,
    ProcessStream,
    PublicStream,
)

logger = logging.getLogger(__name__)
# where it is heard of messages to the assistant (`mcp_bridge.assistant.steps`)
MESSAGES = "assistant.waiting"

OLD_ORDER_EVENTS = re.compile(r"/api/orders/(?P<number>[^/]{1,40})/events/?")
EVENTS = re.compile(r"/api/v1/(?:orders/(?P<number>[^/]{1,40})/)?events/?")
PROCESS_EVENTS = re.compile(r"/api/chat/sse/?")
MCP = re.compile(r"/mcp(?:/.*|-conformance/?)?")
SOCKET = re.compile(r"/ws/events/?")
MCP_SOCKET = re.compile(r"/ws/mcp/?")
ASSISTANT_SOCKET = re.compile(r"/ws/assistant/?")

receivers.leave_out_what_is_idle()
# to find that none is active takes longer than to change it
translation.activate(settings.LANGUAGE_CODE)
pages = Pages()
# the stubs type scopes more closely than a router needs
stream: Any = EventStream.as_asgi()
order_stream: Any = OrderStream.as_asgi()
old_stream: Any = FlatStream.as_asgi()
process_stream: Any = ProcessStream.as_asgi()
public_stream: Any = PublicStream.as_asgi()
socket: Any = EventSocket.as_asgi()
_loaded: Any = None
# messages that are being answered
_answers: set[asyncio.Task[None]] = set()


async def route(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["type"] == "websocket":
        await _socket(scope, receive, send)
    else:
        await _http(scope, receive, send)


async def _http(scope: Scope, receive: Receive, send: Send) -> None:
    path = scope["path"]
    if MCP.fullmatch(path):
        await _mcp(scope, receive, send)
        return
    old, found = OLD_ORDER_EVENTS.fullmatch(path), EVENTS.fullmatch(path)
    is_read = scope["method"] in READS
    takes_stream = is_read and "text/event-stream" in header(scope, "accept")
    if old:
        await old_stream(_with(scope, old), receive, send)
    elif PROCESS_EVENTS.fullmatch(path):
        await process_stream(scope, receive, send)
    elif found and takes_stream:
        opened = order_stream if found["number"] else stream
        await opened(_with(scope, found), receive, send)
    else:
        if found and "wait" in query(scope):
            await waiting.for_news(_with(scope, found))
        await pages(scope, receive, send)


async def _mcp(scope: Scope, receive: Receive, send: Send) -> None:
    if _is_public_stream(scope):
        await public_stream(scope, receive, send)
    else:
        await (await _bridge()).application(scope, receive, send)


def _is_public_stream(scope: Scope) -> bool:
    """The bare `GET /mcp`; with a session it is the session's stream."""
    is_bare = scope["method"] == "GET" and scope["path"].rstrip("/") == "/mcp"
    takes_stream = is_bare and "text/event-stream" in header(scope, "accept")
    return bool(takes_stream and not header(scope, "mcp-session-id"))


async def _socket(scope: Scope, receive: Receive, send: Send) -> None:
    if found := SOCKET.fullmatch(scope["path"]):
        await socket(_with(scope, found), receive, send)
    elif MCP_SOCKET.fullmatch(scope["path"]):
        await (await _bridge()).socket(scope, receive, send)
    elif ASSISTANT_SOCKET.fullmatch(scope["path"]):
        await (await _bridge()).assistant_socket(scope, receive, send)
    elif scope["path"] == "/":
        await (await _bridge()).socket_by_first_frame(scope, receive, send)
    else:
        await receive()
        await send({"type": "websocket.close", "code": 4404})


async def _bridge() -> Any:
    """MCP. Its first client loads it, beside what goes on: it takes as long as all the rest."""
    global _loaded
    if _loaded is None:
        _loaded = await asyncio.to_thread(import_module, "mcp_bridge.asgi")
        # as in `_live`: it is most of what the collector would look at
        gc.freeze()
    return _loaded


def _with(scope: Scope, found: re.Match[str]) -> Scope:
    scope["url_route"] = {"args": (), "kwargs": found.groupdict()}
    return scope


async def _live(receive: Receive, send: Send) -> None:
    """Start and end with the server; under one that tells of neither, the first client starts."""
    await receive()
    _end_streams_on_signal()
    try:
        (await hub.here()).follow({MESSAGES}, _answer)
    except DatabaseError:
        logger.warning("the log cannot be read; streams start with their first client")
    # thousands of connections stay, too
    garbage.keep_what_is_loaded()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await _end_streams()
    if running := hub.running():
        await running.stop()
    await send({"type": "lifespan.shutdown.complete"})


def _answer(batch: Batch) -> None:
    """Somebody has said something to the assistant by REST, and no process is at work on it."""
    for frame in batch.frames:
        task = asyncio.get_running_loop().create_task(_take(frame.event.data["message_id"]))
        _answers.add(task)
        task.add_done_callback(_answers.discard)


async def _take(message_id: str) -> None:
    await (await _bridge()).answer(message_id)


def _end_streams_on_signal() -> None:
    """The server waits for open streams before it tells of its end: end them when it is told."""
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        if callable(server := signal.getsignal(number)):
            signal.signal(number, partial(_on_signal, loop, server))


def _on_signal(
    loop: asyncio.AbstractEventLoop, server: Callable[..., Any], number: int, frame: Any
) -> None:
    asyncio.run_coroutine_threadsafe(_end_streams(), loop)
    server(number, frame)


async def _end_streams() -> None:
    if _loaded is not None:
        await _loaded.shutdown()
    if running := hub.running():
        running.close()


application = edge(route)
