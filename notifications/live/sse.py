"""Events as server-sent events (WHATWG HTML, section 9.2).

`id:` is the cursor, data frames have no `event:` line so that `onmessage` hears them, and
`event: ping` keeps the stream alive every 15 s with the server's clock in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast
from uuid import uuid4

import orjson
from channels.exceptions import StopConsumer
from channels.generic.http import AsyncHttpConsumer
from django.utils import timezone
from django.utils.translation import override

from museo.access import problems
from museo.access.asgi import caller_from_scope, header, query
from museo.access.callers import Caller
from notifications import log, topics
from notifications.envelope import timestamp
from notifications.following import parse_cursor, readable, words
from notifications.live.clients import Client, Start
from notifications.live.frames import Form, Frame, Message
from notifications.live.hub import here, in_thread

PING_SECONDS = 15
RETRY_MS = 1000
END: Message = {"type": "http.response.body", "body": b"", "more_body": False}
HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


def _line(frame: Frame, data: bytes) -> bytes:
    return b"id: " + frame.cursor.encode() + b"\ndata: " + data + b"\n\n"


def _body(piece: bytes) -> Message:
    return {"type": "http.response.body", "body": piece, "more_body": True}


def _flat(frame: Frame, locale: str) -> dict[str, Any]:
    """The source documents' shape: the data's fields at top level too."""
    envelope = frame.render(locale)
    data = envelope["data"]
    order_id = data.get("order_id")
    message = data.get("status_message", data.get("message"))
    return {**data, **envelope, "orderId": order_id, "order_id": order_id, "message": message}


ENVELOPES = Form(render=Frame.render, write=_line, joiner=b"", message=_body)
FLAT = Form(render=_flat, write=_line, joiner=b"", message=_body)


class EventStream(AsyncHttpConsumer):
    """`/api/v1/orders/{number}/events` and `/api/v1/events?topics=`, as a stream."""

    # no channel of its own in the layer: the hub brings the events
    channel_layer_alias = "none"
    form = ENVELOPES
    client: Client | None = None
    next_ping: asyncio.TimerHandle | None = None

    async def http_request(self, message: Mapping[str, Any]) -> None:
        if message.get("more_body"):
            return
        try:
            await self._open()
        except problems.Problem as problem:
            await self._refuse(problem)
            raise StopConsumer from problem

    async def http_disconnect(self, message: Mapping[str, Any]) -> None:
        self._leave()
        raise StopConsumer

    async def _open(self) -> None:
        caller = await caller_from_scope(self.scope)
        asked = query(self.scope)
        with override(caller.locale):
            cursor = parse_cursor(header(self.scope, "last-event-id") or asked.get("after", ""))
            names = await in_thread(readable)(caller, self._names(asked.get("topics", "")))
        self.client = client = Client(
            await here(),
            self.form,
            locale=caller.locale,
            send=self._write,
            farewell=lambda _code: END,
        )
        try:
            start = await client.join(names, cursor, words(asked.get("types", "")))
            if self._number and cursor is None:
                start = replace(start, after=0)
            opening = await self._opening(client, caller, names, start)
            await self.send_headers(headers=HEADERS)
            await client.say(opening)
            await client.replay(names, start)
        except BaseException:
            self._leave()
            raise
        client.release()
        self._ping_later()

    @property
    def _number(self) -> str | None:
        route = cast(Mapping[str, Any], self.scope)["url_route"]
        number: str | None = route["kwargs"].get("number")
        return number

    def _names(self, listed: str) -> list[str]:
        return [f"order.{self._number}"] if self._number else list(words(listed))

    async def _opening(
        self, client: Client, caller: Caller, names: set[str], start: Start
    ) -> bytes:
        """`connected`, and `reset` for a cursor of another log, with how things stand now."""
        states = await in_thread(topics.snapshots)(names, caller.locale)
        about: dict[str, Any] = {
            "connection_id": uuid4().hex,
            "epoch": client.hub.epoch,
            "position": start.until,
            "now": timestamp(timezone.now()),
        }
        if self._number:
            about |= {"orderId": self._number, "snapshot": states.get(f"order.{self._number}")}
        else:
            about |= {"topics": sorted(names), "snapshot": states}
        # without an id: the cursor moves by what has been replayed, not by what will be
        connected = b"retry: %d\ndata: %s\n\n" % (
            RETRY_MS,
            orjson.dumps({"type": "connected", **about}),
        )
        if not start.is_reset:
            return connected
        cursor = log.format_cursor(client.hub.epoch, start.until).encode()
        reset = orjson.dumps({"type": "reset", **about})
        return connected + b"id: " + cursor + b"\ndata: " + reset + b"\n\n"

    async def _write(self, message: Message) -> None:
        await self.base_send(message)  # type: ignore[arg-type]  # any event of ASGI

    def _ping_later(self) -> None:
        self.next_ping = asyncio.get_running_loop().call_later(PING_SECONDS, self._ping)

    def _ping(self) -> None:
        if self.client is not None:
            now = orjson.dumps({"now": timestamp(timezone.now())})
            self.client.put(b"event: ping\ndata: " + now + b"\n\n")
            self._ping_later()

    def _leave(self) -> None:
        if self.next_ping is not None:
            self.next_ping.cancel()
        if self.client is not None:
            self.client.leave()
            self.client = None

    async def _refuse(self, problem: problems.Problem) -> None:
        body = orjson.dumps(problem.body(instance=self.scope["path"]))
        kind = (b"content-type", problems.CONTENT_TYPE.encode())
        await self.send_response(problem.status, body, headers=[kind])


class FlatStream(EventStream):
    """`/api/orders/{id}/events`: the source documents' address and shape."""

    form = FLAT
