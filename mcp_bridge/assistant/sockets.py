"""`/ws/assistant/`: messages in, their steps and their answers out; one JSON object a frame.

In: `message` (also without a type), `stop`, `resume`, `ping`. Out: `accepted`, the steps as at
`/api/chat/sse` with `message`, `response`, `refused`, `pong`. Closed with 4401 (who are you), 1012
(restarting: come back), 1013 (too many, or too slow: come back later, and `resume`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson
from django.db import DatabaseError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override
from starlette.types import Message as Frame
from starlette.types import Receive, Scope, Send

from mcp_bridge.assistant import answering, conversations, intake, leases, steps
from mcp_bridge.models import Message, message_id
from museo.access import context, limits, overload
from museo.access.access_tokens import InvalidToken
from museo.access.asgi import bearer_subprotocol, caller_from_scope
from museo.access.callers import Caller
from museo.access.limits import TooOften
from museo.access.problems import Invalid, Problem, field_error
from notifications import log
from notifications.audiences import process_topic
from notifications.envelope import timestamp
from notifications.live import frames as live
from notifications.live import stats
from notifications.live.clients import RESTARTING, TRY_AGAIN
from notifications.live.expiry import WHO_ARE_YOU, Expiry
from notifications.live.frames import Batch
from notifications.live.hub import Hub, here, in_thread
from notifications.live.sse import flat_process

KIND = "assistant"
LARGEST_FRAME = 64 * 1024
LONGEST_KEY = 200
# frames that a slow client may be behind
MOST_WAITING = 500
ENDS = (steps.PROCESS_COMPLETE, steps.ERROR)

_open: set[AssistantSocket] = set()


class BadFrame(Invalid):
    code = "bad_frame"


def close() -> None:
    """End every socket; clients open them again elsewhere, and resume."""
    for socket in tuple(_open):
        socket.end(RESTARTING)


async def serve(scope: Scope, receive: Receive, send: Send) -> None:
    """A socket that is the assistant's by its address."""
    await receive()
    await send({"type": "websocket.accept", "subprotocol": bearer_subprotocol(scope)})
    await serve_accepted(scope, receive, send)


async def serve_accepted(
    scope: Scope, receive: Receive, send: Send, first: Frame | None = None
) -> None:
    """One that is accepted already; `first` has been received."""
    socket = AssistantSocket(send)
    try:
        caller = await caller_from_scope(scope)
        hub = await here()
        socket.begin(caller, hub)
    except InvalidToken as problem:
        await socket.decline(problem, WHO_ARE_YOU)
    except stats.TooManyStreams as problem:
        await socket.decline(problem, TRY_AGAIN)
    else:
        try:
            await socket.serve(receive, first)
        finally:
            socket.leave()


class AssistantSocket:
    """One connection of one caller."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._bucket = limits.of_frames()
        self._outgoing: asyncio.Queue[dict[str, Any] | int] = asyncio.Queue(MOST_WAITING)
        # live frames of topics whose replay is not written yet
        self._held: dict[str, list[live.Frame]] = {}
        self._caller = Caller()
        self._code = 0

    def begin(self, caller: Caller, hub: Hub) -> None:
        """Raises TooManyStreams."""
        self._caller, self._hub = caller, hub
        self._who = caller.who or caller.address
        hub.connections.enter(KIND, self._who)
        self._subscription = hub.follow((), self._deliver, self._closed, who=caller.who)
        self._expiry = Expiry(caller.expires_at, self._expire)
        _open.add(self)

    def leave(self) -> None:
        _open.discard(self)
        self._expiry.cancel()
        self._hub.leave(self._subscription)
        self._hub.connections.exit(KIND, self._who)

    def end(self, code: int) -> None:
        """Close, once what waits is written."""
        if not self._code:
            self._code = code
            with suppress(asyncio.QueueFull):
                self._outgoing.put_nowait(code)

    async def decline(self, problem: Problem, code: int) -> None:
        await self._write(_refusal(problem))
        await self._close(code)

    async def serve(self, receive: Receive, first: Frame | None) -> None:
        """Until the client goes, or is ended."""
        writing = asyncio.create_task(self._write_all())
        hearing = asyncio.create_task(self._hear_all(receive, first))
        try:
            await asyncio.wait((writing, hearing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (writing, hearing):
                task.cancel()
            await asyncio.gather(writing, hearing, return_exceptions=True)
        if self._code:
            await self._close(self._code)

    async def _hear_all(self, receive: Receive, first: Frame | None) -> None:
        while True:
            frame, first = first or await receive(), None
            if frame["type"] == "websocket.disconnect":
                return
            await self._hear(frame)

    async def _hear(self, frame: Frame) -> None:
        """Do what a frame says; what cannot be done is answered, and the connection stays."""
        context.begin()
        with override(self._caller.locale):
            try:
                if not self._bucket.take():
                    stats.REFUSED.labels("frames").inc()
                    raise TooOften(1)
                await self._act(_parse(frame))
            except Problem as problem:
                self._say(_refusal(problem))
            except DatabaseError as error:
                self._say(_refusal(overload.seen_in(error) or _away()))

    async def _act(self, said: Mapping[str, Any]) -> None:
        kind = said.get("type", "message")
        if kind == "message":
            await self._accept(said)
        elif kind == "stop":
            message = await self._find(said, leases.stop)
            answering.here().stop(message.pk)
        elif kind == "resume":
            await self._resume(said)
        elif kind == "ping":
            self._say({"type": "pong", "now": timestamp(timezone.now())})
        else:
            detail = _("Send one of these types: %(types)s.")
            raise BadFrame(detail % {"types": "message, stop, resume, ping"})

    async def _accept(self, said: Mapping[str, Any]) -> None:
        """The socket follows the message before it is there."""
        id = message_id()
        topic = process_topic(self._caller, id)
        self._held[topic] = []
        self._hub.widen(self._subscription, [topic])
        try:
            accepted = await in_thread(intake.accept)(
                self._caller,
                text=_text(said, "message"),
                conversation_id=_text(said, "conversationId"),
                client_type=_text(said, "clientType"),
                locale=_text(said, "locale"),
                confirm=_text(said, "confirm"),
                agree=said.get("agree", True) is True,
                details=_object(said, "details"),
                key=_text(said, "key")[:LONGEST_KEY],
                id=id,
                runner=answering.here().runner,
                now=timezone.now(),
            )
        except BaseException:
            self._drop(topic)
            raise
        if accepted.message.state == conversations.STATE.RUNNING:
            answering.here().start(accepted.message.pk, accepted.message)
        shown = accepted.shown()
        self._say(
            {
                "type": "accepted",
                "messageId": shown["message_id"],
                "conversationId": shown["conversation_id"],
                "eventsUrl": shown["events_url"],
                "clientType": shown["client_type"],
                "locale": shown["locale"],
                "notes": shown["notes"],
            }
        )
        if accepted.message.public_id == id:
            self._release(topic, after=0)
        else:
            # it was sent before
            self._drop(topic)
            await self._replay(accepted.message, after=0)

    async def _resume(self, said: Mapping[str, Any]) -> None:
        after = said.get("after") or 0
        if not isinstance(after, int) or not 0 <= after < 2**63:
            raise BadFrame(
                _("Write after as a whole number."),
                errors=[field_error("/after", "invalid", _("Write after as a whole number."))],
            )
        message = await self._find(said, conversations.find)
        await self._replay(message, after=after)

    async def _replay(self, message: Message, *, after: int) -> None:
        """What was told of a message, and then what is."""
        topic = process_topic(self._caller, message.public_id)
        self._held[topic] = []
        self._hub.widen(self._subscription, [topic])
        events = await in_thread(log.read)([topic], after=after)
        for event in events:
            self._tell(live.Frame(event, (), epoch=self._hub.epoch))
        self._release(topic, after=events[-1].position if events else after)

    async def _find(self, said: Mapping[str, Any], find: Any) -> Message:
        found: Message = await in_thread(find)(
            self._caller, _text(said, "messageId"), now=timezone.now()
        )
        return found

    # what is heard of

    def _deliver(self, batch: Batch) -> None:
        for frame in batch.frames:
            held = self._held.get(frame.event.topic)
            if held is not None:
                held.append(frame)
            else:
                self._tell(frame)

    def _release(self, topic: str, *, after: int) -> None:
        for frame in self._held.pop(topic, ()):
            if frame.position > after:
                self._tell(frame)

    def _tell(self, frame: live.Frame) -> None:
        """A step; after the last one the response."""
        told = flat_process(frame, self._caller.locale)
        self._say({**told, "message": told["data"].get("description")})
        if frame.type in ENDS:
            self._say(_response(told["data"]))
            self._drop(frame.event.topic)

    def _drop(self, topic: str) -> None:
        self._held.pop(topic, None)
        self._hub.narrow(self._subscription, [topic])

    def _closed(self) -> None:
        self.end(RESTARTING)

    async def _expire(self) -> None:
        self.end(WHO_ARE_YOU)

    # writing

    def _say(self, told: dict[str, Any]) -> None:
        try:
            self._outgoing.put_nowait(told)
        except asyncio.QueueFull:
            stats.SLOW.inc()
            self._code = TRY_AGAIN

    async def _write_all(self) -> None:
        while True:
            told = await self._outgoing.get()
            if isinstance(told, int):
                return
            await self._write(told)
            if self._code and self._outgoing.empty():
                return

    async def _write(self, told: dict[str, Any]) -> None:
        # whoever has gone need not be told
        with suppress(OSError):
            await self._send({"type": "websocket.send", "text": orjson.dumps(told).decode()})

    async def _close(self, code: int) -> None:
        with suppress(OSError, RuntimeError):
            await self._send({"type": "websocket.close", "code": code})


def _response(data: Mapping[str, Any]) -> dict[str, Any]:
    """As it was answered; `[removed]` for what was erased."""
    found = data.get("response")
    if isinstance(found, dict):
        return found
    return {"type": "response", "message": found, "data": {"kind": "text"}, "metadata": {}}


def _refusal(problem: Problem) -> dict[str, Any]:
    return {
        "type": "refused",
        "code": problem.code,
        "message": problem.detail,
        "errors": problem.errors,
        **problem.facts,
    }


class Away(Problem):
    status = 503
    code = "not_available"


def _away() -> Away:
    return Away(_("The shop cannot be asked right now. Try again in a minute."), retry_after=5)


def _parse(frame: Frame) -> Mapping[str, Any]:
    text = frame.get("text")
    if text is None or len(text) > LARGEST_FRAME:
        raise BadFrame(_("Send text frames of at most 64 KB."))
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadFrame(_("This frame is not valid JSON. Send one JSON object.")) from error
    if not isinstance(said, dict):
        raise BadFrame(_("Send one JSON object."))
    return said


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadFrame(
            _("Write this as text."),
            errors=[field_error(f"/{name}", "invalid", _("Write this as text."))],
        )
    return value


def _object(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = said.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadFrame(
            _("Send one JSON object."),
            errors=[field_error(f"/{name}", "invalid", _("Send one JSON object."))],
        )
    return value
