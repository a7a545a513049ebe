"""One client of the hub: missed events first, then live ones, each once and in order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from typing import Any

import orjson

from museo.access.callers import Caller
from notifications import following, log
from notifications.live import stats
from notifications.live.frames import Batch, Form, Frame, Message, Packet
from notifications.live.hub import Hub
from notifications.live.outlet import Outlet, Send

RESTARTING = 1012
TRY_AGAIN = 1013


@dataclass(frozen=True)
class Start:
    """What a client has missed: events in (after, until]; on a reset it cannot be told."""

    after: int
    until: int
    is_reset: bool = False


class Client:
    """Hears topics of the hub and writes them through `send`.

    `farewell` makes the last message of a client that the server ends, from a WebSocket's close
    code. Nothing live is written before `release`: first `join`, then `replay`.
    """

    # there are thousands
    __slots__ = (
        "_farewell",
        "_form",
        "_heard_since",
        "_is_filtered",
        "_locale",
        "_outlet",
        "_subscription",
        "_wanted",
        "caller",
        "hub",
    )

    def __init__(
        self,
        hub: Hub,
        form: Form,
        *,
        locale: str,
        send: Send,
        farewell: Callable[[int], Message],
        who: str = "",
        address: str = "",
    ) -> None:
        self.hub = hub
        self._form = form
        self._locale = locale
        # whose streams are counted together
        self.caller = who or address
        hub.connections.enter(form.kind, self.caller)
        self._farewell = farewell
        self._outlet = Outlet(send, form, self._overflow)
        # the types that are wanted of each topic; none named, all of them
        self._wanted: dict[str, frozenset[str]] = {}
        self._is_filtered = False
        # from where on each topic was heard
        self._heard_since: dict[str, int] = {}
        self._subscription = hub.follow((), self._deliver, self.end, who=who)

    @property
    def topics(self) -> Collection[str]:
        return self._wanted.keys()

    async def admit(
        self,
        caller: Caller,
        asked: Collection[str],
        cursor: log.Cursor | None,
        types: Collection[str] = (),
    ) -> tuple[set[str], Start]:
        """Join those of the topics that the caller may read; raise NotFound if none."""
        following.require_few(asked)
        while True:
            revocations = self.hub.revocations
            found = await self.hub.readable.ask((caller, asked))
            names = following.some_of(caller, asked, found)
            start = await self.join(names, cursor, types)
            if self.hub.revocations == revocations:
                return names, start
            # access was revoked between the question and the joining: it may have been this
            self.drop(names)

    async def join(
        self, topics: Collection[str], cursor: log.Cursor | None, types: Collection[str] = ()
    ) -> Start:
        """Hear `topics` from now on; what came after the cursor is for `replay` to bring.

        Without a cursor nothing was missed.
        """
        # a process that is ahead may have given the cursor out: look, rather than call it unknown
        is_known = (
            cursor is None
            or self.hub.reaches(cursor)
            or cursor.is_known(await self.hub.state.ask(cursor))
        )
        self._listen(topics, types)
        now = self.hub.position
        if cursor is None or not is_known:
            return Start(now, now, is_reset=not is_known)
        return Start(cursor.position, now)

    def _listen(self, topics: Collection[str], types: Collection[str]) -> None:
        wanted = frozenset(types)
        for topic in topics:
            if self._wanted.get(topic) != wanted:
                self._heard_since[topic] = self.hub.position
        self._want(topics, wanted)
        self.hub.widen(self._subscription, topics)

    def _want(self, topics: Collection[str], types: frozenset[str]) -> None:
        self._wanted |= dict.fromkeys(topics, types)
        self._is_filtered = any(self._wanted.values())

    async def replay(self, topics: Collection[str], start: Start) -> None:
        """Write what these topics heard before they were joined."""
        async for frames in self._missed(topics, start):
            news = [frame for frame in frames if not self._has_heard(frame)]
            if news:
                await self._outlet.replay(self._packet(Batch(news)).piece)

    async def say(self, piece: bytes) -> None:
        """Write bytes of the form before the replay."""
        await self._outlet.replay(piece)

    def put(self, piece: bytes) -> None:
        """Write bytes of the form in their turn."""
        self._outlet.put(Packet.of(self._form, piece))

    def tell(self, message: dict[str, Any]) -> None:
        """Write a message about the connection itself, in its turn."""
        self.put(self._form.about(orjson.dumps(message)))

    async def hold(self) -> None:
        """Let live events wait for a replay."""
        await self._outlet.hold()

    def release(self) -> None:
        """Write what came meanwhile and go live."""
        self._outlet.release()

    def filter(self, topics: Collection[str], types: Collection[str]) -> None:
        """From now on hear only these types of these topics; none named, all of them."""
        self._want(topics, frozenset(types))

    def drop(self, topics: Collection[str]) -> None:
        """Hear these topics no longer."""
        self.hub.narrow(self._subscription, topics)
        for topic in topics:
            self._wanted.pop(topic, None)
            self._heard_since.pop(topic, None)

    def watch(self, connection_id: str) -> None:
        """Hear how many are connected, now and when that changes."""
        connections = self.hub.connections
        self.tell(connections.status(connection_id))
        connections.watch(self, self.tell, connection_id)

    def leave(self) -> None:
        """The client has gone."""
        self.hub.leave(self._subscription)
        self.hub.connections.unwatch(self)
        self.hub.connections.exit(self._form.kind, self.caller)
        self._outlet.abandon()

    def end(self, code: int = RESTARTING) -> None:
        """The server ends it; the client comes back with its cursor and has lost nothing."""
        self.hub.leave(self._subscription)
        self._outlet.finish(self._farewell(code))

    def _overflow(self) -> None:
        stats.SLOW.inc()
        self.end(TRY_AGAIN)

    async def _missed(self, topics: Collection[str], start: Start) -> AsyncIterator[list[Frame]]:
        """From memory if that reaches back far enough, else page by page from the log."""
        after, until, hub = start.after, start.until, self.hub
        is_whole = after == 0 and all(hub.has_all_of(topic) for topic in topics)
        if is_whole or hub.has_since(after):
            yield [frame for frame in hub.since(topics, after) if frame.position <= until]
            return
        while after < until:
            frames, after = await hub.missed.ask((tuple(topics), after, until))
            yield frames

    def _has_heard(self, frame: Frame) -> bool:
        """Whether it came live already, on a topic that was joined earlier."""
        return any(
            self._heard_since[topic] < frame.position and self._is_wanted_on(topic, frame)
            for topic in frame.topics
            if topic in self._wanted
        )

    def _deliver(self, batch: Batch) -> None:
        # spelled out: this runs for every client and event
        if self._is_filtered:
            self._outlet.put(self._filtered(batch))
        else:
            self._outlet.put(batch.packet(self._form, self._locale))

    def _packet(self, batch: Batch) -> Packet:
        if self._is_filtered:
            return self._filtered(batch)
        return batch.packet(self._form, self._locale)

    def _filtered(self, batch: Batch) -> Packet:
        pieces = (
            frame.written(self._form, self._locale)
            if self._wants(frame)
            else self._form.skip(frame)
            for frame in batch.frames
        )
        return Packet.of(self._form, self._form.join(pieces))

    def _wants(self, frame: Frame) -> bool:
        return any(
            self._is_wanted_on(topic, frame) for topic in frame.topics if topic in self._wanted
        )

    def _is_wanted_on(self, topic: str, frame: Frame) -> bool:
        types = self._wanted[topic]
        return not types or frame.type in types
