"""Events as server-sent events (WHATWG HTML, section 9.2).

`id:` is the cursor, data frames have no `event:` line so that `onmessage` hears them, and
`event: ping` keeps the stream alive every 15 s with the server's clock in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

import orjson
from channels.exceptions import StopConsumer
from channels.generic.http import AsyncHttpConsumer
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from museo.access import context, problems
from museo.access.asgi import caller_from_scope, header, query
from museo.access.callers import Caller
from notifications import log, topics
from notifications.envelope import timestamp
from notifications.live.clients import Client, Start
from notifications.live.frames import Form, Frame, Message
from notifications.live.hub import here, in_thread

PING_SECONDS = 15
RETRY_MS = 1000
MOST_TOPICS = 100
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

    async def http_request(self, message: Mapping[str, Any]) -> None:
        if message.get("more_body"):
            return
        context.begin(header(self.scope, "x-correlation-id"))
        self.client: Client | None = None
        try:
            await self._open()
        except problems.Problem as problem:
            await self._refuse(problem)
            raise StopConsumer from problem

    async def http_disconnect(self, message: Mapping[str, Any]) -> None:
        if self.client is not None:
            self.client.leave()
            self.pinging.cancel()
        raise StopConsumer

    async def _open(self) -> None:
        caller = await caller_from_scope(self.scope)
        asked = query(self.scope)
        with override(caller.locale):
            cursor = parse_cursor(header(self.scope, "last-event-id") or asked.get("after", ""))
            names = await readable(caller, self._names(asked.get("topics", "")))
        client = Client(
            await here(),
            self.form,
            locale=caller.locale,
            send=self._send_message,
            ended=self._end,
            types=words(asked.get("types", "")),
        )
        until = client.join(names)
        self.client = client
        is_from_now = cursor is None and self._number is None
        start = Start(until, []) if is_from_now else await client.missed(names, cursor, until=until)
        opening = await self._opening(client, caller, names, start)
        await self.send_headers(headers=HEADERS)
        client.begin(opening, start)
        self.pinging = asyncio.create_task(self._ping())

    @property
    def _number(self) -> str | None:
        route: Mapping[str, Any] = dict(self.scope)["url_route"]
        return route["kwargs"].get("number")

    def _names(self, listed: str) -> list[str]:
        return [f"order.{self._number}"] if self._number else list(words(listed))

    async def _opening(
        self, client: Client, caller: Caller, names: set[str], start: Start
    ) -> list[bytes]:
        """`connected`, or `reset` for a cursor of another log, with how things stand now."""
        states = await in_thread(topics.snapshots)(names, caller.locale)
        about: dict[str, Any] = {
            "connection_id": uuid4().hex,
            "epoch": client.hub.epoch,
            "position": start.position,
            "now": timestamp(timezone.now()),
        }
        if self._number:
            about |= {"orderId": self._number, "snapshot": states.get(f"order.{self._number}")}
        else:
            about |= {"topics": sorted(names), "snapshot": states}
        connected = b"retry: %d\ndata: %s\n\n" % (
            RETRY_MS,
            orjson.dumps({"type": "connected", **about}),
        )
        if not start.is_reset:
            return [connected]
        cursor = log.format_cursor(client.hub.epoch, start.position).encode()
        reset = orjson.dumps({"type": "reset", **about})
        return [connected, b"id: " + cursor + b"\ndata: " + reset + b"\n\n"]

    async def _send_message(self, message: Message) -> None:
        await self.base_send(message)  # type: ignore[arg-type]  # any event of ASGI

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            now = orjson.dumps({"now": timestamp(timezone.now())})
            if self.client is not None:
                self.client.write(b"event: ping\ndata: " + now + b"\n\n")

    async def _end(self) -> None:
        self.pinging.cancel()
        await self.send_body(b"")

    async def _refuse(self, problem: problems.Problem) -> None:
        if self.client is not None:
            self.client.leave()
        body = orjson.dumps(problem.body(instance=self.scope["path"]))
        kind = (b"content-type", problems.CONTENT_TYPE.encode())
        await self.send_response(problem.status, body, headers=[kind])


class FlatStream(EventStream):
    """`/api/orders/{id}/events`: the source documents' address and shape."""

    form = FLAT


def words(listed: str) -> set[str]:
    """`a,b` as a set, without blanks."""
    return {word.strip() for word in listed.split(",") if word.strip()}


def parse_cursor(text: str) -> log.Cursor | None:
    """None without one; raise a problem for what is none."""
    if not text:
        return None
    try:
        return log.Cursor.parse(text)
    except log.BadCursor as error:
        detail = _("This is no cursor. Send the `id` of the last event you have, or leave it out.")
        raise problems.BadCursor(
            detail, errors=[problems.field_error("/after", "bad_cursor", detail)]
        ) from error


async def readable(caller: Caller, names: Iterable[str]) -> set[str]:
    """Those topics that the caller may read; raise a problem if there are none, or too many."""
    names = set(names)
    if len(names) > MOST_TOPICS:
        detail = _("Follow at most %(most)s topics on one stream.") % {"most": MOST_TOPICS}
        raise problems.Invalid(detail)
    found = await in_thread(topics.readable)(caller, names)
    if not found:
        raise problems.NotFound(
            _("There is nothing to follow here, or you may not see it. Check topic and ticket.")
        )
    return found
