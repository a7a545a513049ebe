"""Events as server-sent events (WHATWG HTML, section 9.2).

`id:` is the cursor, data frames have no `event:` line so that `onmessage` hears them, and
`event: ping` keeps the stream alive every 15 s with the server's clock in it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, cast
from uuid import uuid4

import orjson
from channels.generic.http import AsyncHttpConsumer
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from museo.access import problems
from museo.access.asgi import caller_from_scope, header, query, servers_own_send
from museo.access.callers import Caller
from notifications import log, tickets
from notifications.audiences import client_topic, own_topics, process_topic
from notifications.envelope import flat, timestamp
from notifications.following import parse_cursor, words
from notifications.live.clients import RESTARTING, Client, Start
from notifications.live.expiry import REASON, WHO_ARE_YOU, Expiry
from notifications.live.frames import Form, Frame, Message
from notifications.live.hub import here
from notifications.live.wire import chunk

PING_SECONDS = 15
RETRY_MS = 1000
# clients of a process that ends come back spread over this time
SPREAD_MS = 3000
LONGEST_MESSAGE_ID = 60
READS = ("GET", "HEAD")
HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


def _line(frame: Frame, data: bytes) -> bytes:
    return b"id: " + frame.cursor.encode() + b"\ndata: " + data + b"\n\n"


def _about(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"


def _body(piece: bytes) -> Message:
    return {"type": "http.response.body", "body": piece, "more_body": True}


def _reset(about: Mapping[str, Any]) -> bytes:
    cursor = log.format_cursor(about["epoch"], about["position"]).encode()
    return b"id: " + cursor + b"\n" + _about(orjson.dumps({"type": "reset", **about}))


def _end(code: int) -> Message:
    retry = b"retry: %d\n\n" % random.randrange(SPREAD_MS) if code == RESTARTING else b""  # noqa: S311
    return {"type": "http.response.body", "body": retry, "more_body": False}


def _flat(frame: Frame, locale: str) -> dict[str, Any]:
    return flat(frame.render(locale))


def flat_process(frame: Frame, locale: str) -> dict[str, Any]:
    """The same with `timestamp` in milliseconds, and the ISO form in `time`."""
    told = _flat(frame, locale)
    milliseconds = int(frame.event.at.timestamp() * 1000)
    return {**told, "timestamp": milliseconds, "time": told["timestamp"]}


def _form(render: Any) -> Form:
    return Form(
        kind="sse",
        render=render,
        write=_line,
        about=_about,
        joiner=b"",
        message=_body,
        wire=chunk,
    )


ENVELOPES = _form(Frame.render)
FLAT = _form(_flat)
FLAT_PROCESS = _form(flat_process)


class EventStream(AsyncHttpConsumer):
    """`/api/v1/events?topics=`, and the base of every other stream."""

    form = ENVELOPES
    client: Client | None = None
    next_ping: asyncio.TimerHandle | None = None
    expiry: Expiry | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Open at the request's end, leave when the client goes.

        The base would keep a task for each connection, and take a thread for each message.
        """
        self.scope, self.base_send = scope, send
        while (message := await receive())["type"] == "http.request":
            if message.get("more_body"):
                continue
            try:
                await self._open()
            except problems.Problem as problem:
                await self._refuse(problem)
                return
        self._leave()

    # what each kind of stream says differently

    def names(self, caller: Caller, connection_id: str) -> Collection[str]:
        """The topics that are asked for."""
        return words(query(self.scope).get("topics", ""))

    def about(self, names: set[str], states: Mapping[str, Any]) -> dict[str, Any]:
        """What `connected` and `reset` say besides where the log stands."""
        return {"topics": sorted(names), "snapshot": states}

    def started(self, client: Client, connection_id: str) -> None:
        """The stream is live."""

    is_from_the_beginning = False

    # opening

    async def _open(self) -> None:
        caller = await caller_from_scope(self.scope)
        asked = query(self.scope)
        connection_id = uuid4().hex
        with override(caller.locale):
            if self.scope["method"] not in READS:
                raise problems.OtherMethod(READS)
            caller = await tickets.admit(caller, now=timezone.now())
            cursor = parse_cursor(header(self.scope, "last-event-id") or asked.get("after", ""))
            wanted = self.names(caller, connection_id)
            self.client = client = Client(
                await here(),
                self.form,
                locale=caller.locale,
                send=servers_own_send(self.scope),
                farewell=_end,
                who=caller.who or caller.granted_by,
                address=caller.address,
            )
            try:
                types = words(asked.get("types", ""))
                names, start = await client.admit(caller, wanted, cursor, types)
                if self.is_from_the_beginning and cursor is None:
                    start = replace(start, after=0)
                opening = await self._opening(client, caller, names, start, connection_id)
                await self.send_headers(headers=HEADERS)
                if self.scope["method"] == "HEAD":
                    await self.send_body(b"")
                    self._leave()
                    return
                await client.say(opening)
                await client.replay(names, start)
            except BaseException:
                self._leave()
                raise
        client.release()
        self.started(client, connection_id)
        self._ping_later()
        if caller.expires_at:
            expire = partial(self._expire, caller, names, connection_id)
            self.expiry = Expiry(caller.expires_at, expire)

    async def _opening(
        self, client: Client, caller: Caller, names: set[str], start: Start, connection_id: str
    ) -> bytes:
        """`connected`, and `reset` for a cursor of another log, with how things stand now."""
        about = await self._stand(client, caller, names, start.until, connection_id)
        # without an id: the cursor moves by what has been replayed, not by what will be
        connected = b"retry: %d\n" % RETRY_MS + _about(orjson.dumps({"type": "connected", **about}))
        return connected + _reset(about) if start.is_reset else connected

    async def _stand(
        self, client: Client, caller: Caller, names: set[str], position: int, connection_id: str
    ) -> dict[str, Any]:
        """Where the log and the topics stand, for whoever goes on from there."""
        states = await client.hub.snapshots.ask((frozenset(names), caller.locale))
        return {
            "connection_id": connection_id,
            "epoch": client.hub.epoch,
            "position": position,
            "now": timestamp(timezone.now()),
            **self.about(names, states),
        }

    async def _expire(self, caller: Caller, names: set[str], connection_id: str) -> None:
        """The token has ended: `reset`, so that another can go on from here, and the end."""
        if (client := self.client) is None:
            return
        position = client.hub.position
        about = await self._stand(client, caller, names, position, connection_id)
        client.put(_reset({**about, "reason": REASON}))
        client.end(WHO_ARE_YOU)

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
        if self.expiry is not None:
            self.expiry.cancel()
        if self.client is not None:
            self.client.leave()
            self.client = None

    async def _refuse(self, problem: problems.Problem) -> None:
        body = orjson.dumps(problem.body(instance=self.scope["path"]))
        told = {"content-type": problems.CONTENT_TYPE, **problem.headers()}
        headers = [(name.lower().encode(), value.encode()) for name, value in told.items()]
        await self.send_response(problem.status, body, headers=headers)


class OrderStream(EventStream):
    """`/api/v1/orders/{number}/events`; without a cursor it starts with the first event."""

    is_from_the_beginning = True

    @property
    def number(self) -> str:
        route = cast(Mapping[str, Any], self.scope)["url_route"]
        return str(route["kwargs"]["number"])

    def names(self, caller: Caller, connection_id: str) -> Collection[str]:
        return {f"order.{self.number}"}

    def about(self, names: set[str], states: Mapping[str, Any]) -> dict[str, Any]:
        return {"orderId": self.number, "snapshot": states.get(f"order.{self.number}")}


class FlatStream(OrderStream):
    """`/api/orders/{id}/events`: the source documents' address and shape."""

    form = FLAT


class ProcessStream(EventStream):
    """`/api/chat/sse?messageId=`: the steps of one of the caller's own processes."""

    form = FLAT_PROCESS
    is_from_the_beginning = True

    def names(self, caller: Caller, connection_id: str) -> Collection[str]:
        id = query(self.scope).get("messageId", "")
        if not 1 <= len(id) <= LONGEST_MESSAGE_ID:
            detail = _("Name the message by its messageId, of at most %(most)s characters.")
            detail %= {"most": LONGEST_MESSAGE_ID}
            raise problems.Invalid(
                detail, errors=[problems.field_error("/messageId", "required", detail)]
            )
        return {process_topic(caller, id)}


class PublicStream(EventStream):
    """`GET /mcp` without a session: status, broadcasts, and what is told to the caller alone."""

    form = FLAT

    def names(self, caller: Caller, connection_id: str) -> Collection[str]:
        return own_topics(caller) | {client_topic(connection_id)}

    def started(self, client: Client, connection_id: str) -> None:
        client.watch(connection_id)
