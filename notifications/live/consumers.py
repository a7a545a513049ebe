"""`/ws/events/`: clients say what they want to hear, the server answers in JSON arrays.

In: `{"action": "subscribe", "topics": […], "types": […], "after": cursor}`, `unsubscribe`, `ping`.
Out: arrays of envelopes and of messages about the connection. Closed with 4401 (who are you), 4403
(this origin may not), 4404 (no such), 1012 (restarting: come back).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from museo.access.asgi import caller_from_scope
from museo.access.problems import Invalid, Problem, field_error
from notifications.envelope import timestamp
from notifications.live.clients import Client, Start
from notifications.live.frames import Form, Frame, Message
from notifications.live.hub import here
from notifications.live.sse import MOST_TOPICS, parse_cursor, readable

RESTARTING = 1012
LARGEST_FRAME = 64 * 1024


def _array(piece: bytes) -> Message:
    return {"type": "websocket.send", "text": f"[{piece.decode()}]"}


ARRAYS = Form(render=Frame.render, write=lambda _frame, data: data, joiner=b",", message=_array)


class BadFrame(Invalid):
    code = "bad_frame"


class EventSocket(AsyncWebsocketConsumer):  # type: ignore[misc]  # the stubs leave it untyped
    channel_layer_alias = "none"

    async def connect(self) -> None:
        self.caller = await caller_from_scope(self.scope)
        self.topics: set[str] = set()
        self.client = Client(
            await here(),
            ARRAYS,
            locale=self.caller.locale,
            send=self._send_message,
            ended=self._end,
        )
        until = self.client.join(())
        await self.accept()
        hello = {
            "type": "connected",
            "connection_id": uuid4().hex,
            "epoch": self.client.hub.epoch,
            "position": until,
            "now": timestamp(timezone.now()),
        }
        self.client.begin([orjson.dumps(hello)], Start(until, []))

    async def disconnect(self, code: int) -> None:
        if hasattr(self, "client"):
            self.client.leave()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Do what a frame says; what cannot be done is answered, and the connection stays."""
        try:
            with override(self.caller.locale):
                frame = _parse(text_data)
                await self._act(frame)
        except Problem as problem:
            self.client.say({"type": "error", "code": problem.code, "message": problem.detail})

    async def _act(self, frame: Mapping[str, Any]) -> None:
        action = frame.get("action")
        if action == "subscribe":
            await self._subscribe(frame)
        elif action == "unsubscribe":
            self._unsubscribe(_topics(frame))
        elif action == "ping":
            self.client.say({"type": "pong", "now": timestamp(timezone.now())})
        else:
            raise BadFrame(_("Send an action: subscribe, unsubscribe or ping."))

    async def _subscribe(self, frame: Mapping[str, Any]) -> None:
        cursor = parse_cursor(str(frame.get("after") or ""))
        names = await readable(self.caller, _topics(frame))
        new = names - self.topics
        if len(self.topics | names) > MOST_TOPICS:
            raise Invalid(
                _("Follow at most %(most)s topics on one socket.") % {"most": MOST_TOPICS}
            )
        self.client.types = frozenset(_strings(frame, "types"))
        until = self.client.widen(new)
        self.topics |= names
        start = await self.client.missed(new, cursor, until=until) if cursor else None
        self.client.say(
            {
                "type": "reset" if start and start.is_reset else "subscribed",
                "topics": sorted(names),
                "epoch": self.client.hub.epoch,
                "position": until,
            }
        )
        if start:
            self.client.replay(start)

    def _unsubscribe(self, names: list[str]) -> None:
        self.client.narrow(names)
        self.topics -= set(names)
        self.client.say({"type": "unsubscribed", "topics": sorted(set(names))})

    async def _send_message(self, message: Message) -> None:
        await self.base_send(message)  # type: ignore[arg-type]  # any event of ASGI

    async def _end(self) -> None:
        await self.close(code=RESTARTING)


def _parse(text: str | None) -> Mapping[str, Any]:
    if text is None or len(text) > LARGEST_FRAME:
        raise BadFrame(_("Send text frames of at most 64 KB."))
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadFrame(_("This frame is not valid JSON. Send one JSON object.")) from error
    if not isinstance(frame, dict):
        raise BadFrame(_("Send one JSON object."))
    return frame


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
