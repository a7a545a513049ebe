"""The one ASGI application: streams, sockets and MCP here, everything else to Django."""

import os
import re
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "museo.settings")
django: Any = get_asgi_application()

from museo.access.asgi import header, query
from museo.edge import Receive, Scope, Send, edge
from notifications.live import hub, waiting
from notifications.live.consumers import EventSocket
from notifications.live.sse import EventStream, FlatStream

OLD_ORDER_EVENTS = re.compile(r"/api/orders/(?P<number>[^/]{1,40})/events/?")
EVENTS = re.compile(r"/api/v1/(?:orders/(?P<number>[^/]{1,40})/)?events/?")
SOCKET = re.compile(r"/ws/events/?")

# the stubs type scopes more closely than a router needs
stream: Any = EventStream.as_asgi()
old_stream: Any = FlatStream.as_asgi()
socket: Any = EventSocket.as_asgi()


async def route(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["type"] == "websocket":
        await _socket(scope, receive, send)
    else:
        await _http(scope, receive, send)


async def _http(scope: Scope, receive: Receive, send: Send) -> None:
    path = scope["path"]
    old, found = OLD_ORDER_EVENTS.fullmatch(path), EVENTS.fullmatch(path)
    if old:
        await old_stream(_with(scope, old), receive, send)
    elif found and "text/event-stream" in header(scope, "accept"):
        await stream(_with(scope, found), receive, send)
    else:
        if found and "wait" in query(scope):
            await waiting.for_news(_with(scope, found))
        await django(scope, receive, send)


async def _socket(scope: Scope, receive: Receive, send: Send) -> None:
    if found := SOCKET.fullmatch(scope["path"]):
        await socket(_with(scope, found), receive, send)
    else:
        await receive()
        await send({"type": "websocket.close", "code": 4404})


def _with(scope: Scope, found: re.Match[str]) -> Scope:
    return {**scope, "url_route": {"args": (), "kwargs": found.groupdict()}}


async def _live(receive: Receive, send: Send) -> None:
    """Start with the server and end with it; a server without lifespan starts by first use."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await hub.here()
            await send({"type": "lifespan.startup.complete"})
        else:
            if running := hub.running():
                await running.stop()
            await send({"type": "lifespan.shutdown.complete"})
            return


application = edge(route)
