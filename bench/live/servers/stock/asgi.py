"""One consumer for SSE and one for WebSocket, each in the group of its topic."""

from collections.abc import Mapping
from typing import Any

from channels.exceptions import StopConsumer
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]


class Stream(AsyncHttpConsumer):
    async def http_request(self, message: Mapping[str, Any]) -> None:
        self.group = _topic(self.scope)
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.send_headers(headers=HEADERS)
        await self.send_body(b": hello\n\n", more_body=True)

    async def http_disconnect(self, message: Mapping[str, Any]) -> None:
        await self.channel_layer.group_discard(self.group, self.channel_name)
        raise StopConsumer

    async def order_event(self, event: Mapping[str, Any]) -> None:
        await self.send_body(f"data: {event['text']}\n\n".encode(), more_body=True)


class Socket(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        self.group = _topic(self.scope)
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def order_event(self, event: Mapping[str, Any]) -> None:
        await self.send(text_data=event["text"])


def _topic(scope: Any) -> str:
    return str(scope["url_route"]["kwargs"]["topic"])


# the stubs type scopes more closely than a router needs
stream: Any = Stream.as_asgi()
socket: Any = Socket.as_asgi()
get_asgi_application()
urlpatterns: list[Any] = []
application = ProtocolTypeRouter(
    {
        "http": URLRouter([path("sse/<topic>", stream)]),
        "websocket": URLRouter([path("ws/<topic>", socket)]),
    }
)
