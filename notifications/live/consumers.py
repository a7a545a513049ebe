"""`/ws/events/`: clients say what they want to hear, the server answers in JSON arrays.

In: `{"action": "subscribe", "topics": […], "types": […], "after": cursor}`, and

| action | does |
|---|---|
| `unsubscribe` | hear `topics` no longer |
| `filter` | hear only `types` of `topics`, all that are followed if none are named |
| `ack` | note that all up to `position` was received |
| `status` | tell how many are connected, now and when it changes |
| `ping` | answer `pong` |

Out: arrays of envelopes and of messages about the connection. Closed with 4401 (who are you), 4404
(no such), 1012 (restarting: come back), 1013 (too slow, or too many: come back later, with the
last position).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from uuid import uuid4

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from museo.access import limits
from museo.access.access_tokens import InvalidToken
from museo.access.asgi import bearer_subprotocol, caller_from_scope, query
from museo.access.limits import TooOften
from museo.access.problems import Invalid, NotFound, Problem, field_error
from notifications import log, receipts, tickets
from notifications.audiences import client_topic
from notifications.envelope import timestamp
from notifications.following import MOST_TOPICS, TooManyTopics, parse_cursor, words
from notifications.live import stats
from notifications.live.clients import TRY_AGAIN, Client
from notifications.live.expiry import REASON, WHO_ARE_YOU, Expiry
from notifications.live.frames import Form, Frame, Message
from notifications.live.hub import Hub, here, in_thread
from notifications.live.outlet import Send
from notifications.live.wire import text_frame

NO_SUCH = 4404
LARGEST_FRAME = 64 * 1024


def _array(piece: bytes) -> Message:
    return {"type": "websocket.send", "text": f"[{piece.decode()}]"}


def _wire(piece: bytes) -> bytes:
    return text_frame(b"[" + piece + b"]")


ARRAYS = Form(
    kind="websocket",
    render=Frame.render,
    write=lambda _frame, data: data,
    about=lambda data: data,
    joiner=b",",
    message=_array,
    wire=_wire,
)


ACTIONS = "subscribe, unsubscribe, filter, ack, status, ping"


class BadFrame(Invalid):
    code = "bad_frame"


class BadJson(BadFrame):
    code = "bad_json"


class UnknownAction(BadFrame):
    code = "unknown_action"


class EventSocket(AsyncWebsocketConsumer):
    """One connection; `?topics=` follows these from the beginning."""

    channel_layer_alias = "none"
    client: Client | None = None
    expiry: Expiry | None = None

    async def connect(self) -> None:
        self.bucket = limits.of_frames()
        self.connection_id = uuid4().hex
        await self.accept(subprotocol=bearer_subprotocol(self.scope))
        try:
            self.caller = await caller_from_scope(self.scope)
        except InvalidToken as problem:
            await self._end(problem, WHO_ARE_YOU)
            return
        with override(self.caller.locale):
            try:
                self.caller = await tickets.admit(self.caller, now=timezone.now())
                await self._begin()
            except tickets.StaleTicket as problem:
                await self._end(problem, WHO_ARE_YOU)
            except stats.TooManyStreams as problem:
                await self._end(problem, TRY_AGAIN)

    async def _begin(self) -> None:
        self.client = client = Client(
            await here(),
            ARRAYS,
            locale=self.caller.locale,
            send=cast(Send, self.base_send),
            farewell=_close,
            who=self.caller.who or self.caller.granted_by,
            address=self.caller.address,
        )
        # what is sent to this connection alone
        own = client_topic(self.connection_id)
        await client.join({own}, None)
        hello = {"type": "connected", "connection_id": self.connection_id, **_about(client.hub)}
        await client.say(orjson.dumps(hello))
        client.release()
        if self.caller.expires_at:
            self.expiry = Expiry(self.caller.expires_at, self._expire)
        if listed := words(query(self.scope).get("topics", "")):
            await self._follow_at_once(client, listed)

    async def _end(self, problem: Problem, code: int) -> None:
        await self._write(_array(orjson.dumps(_error(problem))))
        await self._write(_close(code))

    async def _expire(self) -> None:
        """The token has ended: `reset`, so that another can go on from here, and the end."""
        if (client := self.client) is None:
            return
        names, about = frozenset(client.topics), _about(client.hub)
        states = await client.hub.snapshots.ask((names, self.caller.locale))
        told = {"topics": sorted(names), **about, "snapshot": states, "reason": REASON}
        client.tell({"type": "reset", **told})
        client.end(WHO_ARE_YOU)

    async def disconnect(self, code: int) -> None:
        if self.expiry is not None:
            self.expiry.cancel()
        if self.client is not None:
            self.client.leave()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Do what a frame says; what cannot be done is answered, and the connection stays."""
        if self.client is None:
            return
        with override(self.caller.locale):
            try:
                if not self.bucket.take():
                    stats.REFUSED.labels("frames").inc()
                    raise TooOften(1)
                await self._act(self.client, _parse(text_data))
            except Problem as problem:
                self.client.tell(_error(problem))

    async def _follow_at_once(self, client: Client, listed: set[str]) -> None:
        frame = {"topics": sorted(listed), "after": query(self.scope).get("after") or None}
        try:
            await self._subscribe(client, frame)
        except NotFound:
            is_somebody = self.caller.user_id or self.caller.tickets
            client.end(NO_SUCH if is_somebody else WHO_ARE_YOU)
        except Problem as problem:
            client.tell(_error(problem))

    async def _act(self, client: Client, frame: Mapping[str, Any]) -> None:
        action = frame.get("action")
        if action == "subscribe":
            await self._subscribe(client, frame)
        elif action == "unsubscribe":
            names = _topics(frame)
            client.drop(names)
            client.tell({"type": "unsubscribed", "topics": sorted(set(names))})
        elif action == "filter":
            self._filter(client, frame)
        elif action == "ack":
            await self._acknowledge(client, frame)
        elif action == "status":
            client.watch(self.connection_id)
        elif action == "ping":
            client.tell({"type": "pong", "now": timestamp(timezone.now())})
        else:
            raise UnknownAction(_("Send an action: %(actions)s.") % {"actions": ACTIONS})

    async def _subscribe(self, client: Client, frame: Mapping[str, Any]) -> None:
        types, cursor = _strings(frame, "types"), _cursor(frame)
        asked = set(_topics(frame))
        if len(asked | set(client.topics)) > MOST_TOPICS:
            raise TooManyTopics(
                _("Follow at most %(most)s topics on one socket.") % {"most": MOST_TOPICS}
            )
        await client.hold()
        try:
            names, start = await client.admit(self.caller, asked, cursor, types)
            answer = {
                "type": "reset" if start.is_reset else "subscribed",
                "topics": sorted(names),
                **_about(client.hub),
                "position": start.until,
                "snapshot": await client.hub.snapshots.ask((frozenset(names), self.caller.locale)),
            }
            await client.say(orjson.dumps(answer))
            await client.replay(names, start)
        finally:
            client.release()

    def _filter(self, client: Client, frame: Mapping[str, Any]) -> None:
        types = _strings(frame, "types")
        names = set(_strings(frame, "topics") or client.topics) & set(client.topics)
        client.filter(names, types)
        client.tell({"type": "filtered", "topics": sorted(names), "types": sorted(set(types))})

    async def _acknowledge(self, client: Client, frame: Mapping[str, Any]) -> None:
        position = frame.get("position")
        if not isinstance(position, int) or isinstance(position, bool):
            detail = _("Name the position as a whole number.")
            raise BadFrame(detail, errors=[field_error("/position", "invalid", detail)])
        reached = await in_thread(receipts.acknowledge)(self.caller, position, now=timezone.now())
        client.tell({"type": "acked", "position": reached})

    async def _write(self, message: Message) -> None:
        await self.base_send(message)  # type: ignore[arg-type]  # any event of ASGI


def _about(hub: Hub) -> dict[str, Any]:
    return {
        "epoch": hub.epoch,
        "position": hub.position,
        "now": timestamp(timezone.now()),
    }


def _error(problem: Problem) -> dict[str, Any]:
    return {
        "type": "error",
        "code": problem.code,
        "message": problem.detail,
        "errors": problem.errors,
        **problem.facts,
    }


def _close(code: int) -> Message:
    return {"type": "websocket.close", "code": code}


def _parse(text: str | None) -> Mapping[str, Any]:
    if text is None or len(text) > LARGEST_FRAME:
        raise BadFrame(_("Send text frames of at most 64 KB."))
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadJson(_("This frame is not valid JSON. Send one JSON object.")) from error
    if not isinstance(frame, dict):
        raise BadFrame(_("Send one JSON object."))
    return frame


def _cursor(frame: Mapping[str, Any]) -> log.Cursor | None:
    after = frame.get("after")
    return None if after is None else parse_cursor(str(after) or "-")


def _topics(frame: Mapping[str, Any]) -> list[str]:
    names = _strings(frame, "topics")
    if not names:
        detail = _("Name the topics, such as order.ORD-7K4Q2M9X.")
        raise BadFrame(detail, errors=[field_error("/topics", "required", detail)])
    return names


def _strings(frame: Mapping[str, Any], name: str) -> list[str]:
    value = frame.get(name) or []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        detail = _("Write %(name)s as a list of texts.") % {"name": name}
        raise BadFrame(detail, errors=[field_error(f"/{name}", "invalid", detail)])
    return value
