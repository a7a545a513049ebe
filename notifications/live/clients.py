"""One client of the hub: joined before its replay is read, written to in order, bounded in bytes.

What waits for a slow client is joined into one write. A client for whom more than `MOST_WAITING`
bytes wait is closed; it comes back with its cursor and has lost nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from notifications import log
from notifications.live.frames import Batch, Form, Frame, Message
from notifications.live.hub import Hub, Subscription, in_thread

MOST_WAITING = 256 * 1024

Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True)
class Start:
    """Where a client begins: the frames it has missed, or a reset because its cursor is unknown."""

    position: int
    replay: list[Frame]
    is_reset: bool = False


class Client:
    """Writes what it hears through `send`; `ended` is called when the server ends it."""

    def __init__(
        self,
        hub: Hub,
        form: Form,
        *,
        locale: str,
        send: Send,
        ended: Callable[[], Awaitable[None]],
        types: Collection[str] = (),
    ) -> None:
        self.hub = hub
        self.form = form
        self.locale = locale
        self.types = frozenset(types)
        self._send = send
        self._ended = ended
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._has_work = asyncio.Event()
        self._is_over = False
        # batches that came while the replay was read; None once it has been written
        self._held: list[Batch] | None = []
        # nothing up to here is written again, by topic and for all
        self._position = 0
        self._subscription: Subscription | None = None
        self._writer: asyncio.Task[None] | None = None

    def join(self, topics: Collection[str]) -> int:
        """Hear `topics` from now on; return the position that the replay must reach."""
        self._subscription = self.hub.follow(topics, self._deliver, self.end)
        return self._subscription.joined_at

    async def missed(
        self, topics: Collection[str], cursor: log.Cursor | None, *, until: int
    ) -> Start:
        """What came after the cursor, up to `until`; without a cursor everything there is."""
        if cursor is not None and not self.hub.reaches(cursor):
            state = await in_thread(log.state)()
            if not cursor.is_known(state):
                return Start(until, [], is_reset=True)
        after = cursor.position if cursor else 0
        if self.hub.has_since(after):
            frames = [f for f in self.hub.since(topics, after) if f.position <= until]
            return Start(max(after, until), frames)
        events = await in_thread(log.read)(topics, after=after, until=until)
        replay = [Frame(event, (), epoch=self.hub.epoch) for event in events]
        return Start(max(after, until), replay)

    def begin(self, opening: Iterable[bytes], start: Start) -> None:
        """Write the opening and the replay, then whatever came meanwhile, and go live."""
        for piece in opening:
            self.write(piece)
        if start.replay:
            self._write_batch(Batch(start.replay))
        self._position = start.position
        held, self._held = self._held or [], None
        for batch in held:
            self._deliver(batch)
        self._writer = asyncio.create_task(self._write_all())

    def write(self, piece: bytes) -> None:
        """Queue bytes; end the client if too much waits."""
        self._waiting.append(piece)
        self._waiting_bytes += len(piece)
        self._has_work.set()
        if self._waiting_bytes > MOST_WAITING and self._writer is not None:
            self.end()

    def say(self, message: dict[str, Any]) -> None:
        """Queue a message about the connection itself."""
        self.write(orjson.dumps(message))

    def end(self) -> None:
        """The server's end of it: what waits is dropped, the client comes back by cursor."""
        if not self._is_over:
            self._is_over = True
            self._has_work.set()

    def leave(self) -> None:
        """The client has gone."""
        if self._subscription is not None:
            self.hub.leave(self._subscription)
        if self._writer is not None:
            self._writer.cancel()

    def widen(self, topics: Collection[str]) -> int:
        """Hear these too; return the position that their replay must reach."""
        assert self._subscription is not None  # noqa: S101  # joined before
        self.hub.widen(self._subscription, topics)
        return self.hub.position

    def narrow(self, topics: Collection[str]) -> None:
        if self._subscription is not None:
            self.hub.narrow(self._subscription, topics)

    def replay(self, start: Start) -> None:
        """Write the replay of topics that were added."""
        if start.replay:
            self._write_batch(Batch(start.replay))

    def _deliver(self, batch: Batch) -> None:
        if self._held is not None:
            self._held.append(batch)
        elif batch.frames[0].position > self._position:
            self._write_batch(batch)
        elif news := [frame for frame in batch.frames if frame.position > self._position]:
            self._write_batch(Batch(news))

    def _write_batch(self, batch: Batch) -> None:
        if not self.types:
            self.write(batch.packet(self.form, self.locale).piece)
            return
        self.write(
            self.form.join(
                frame.written(self.form, self.locale)
                if frame.type in self.types
                else self.form.skip(frame)
                for frame in batch.frames
            )
        )

    async def _write_all(self) -> None:
        while True:
            await self._has_work.wait()
            self._has_work.clear()
            if self._is_over:
                break
            pieces, self._waiting, self._waiting_bytes = self._waiting, [], 0
            await self._send(self.form.message(self.form.join(pieces)))
        if self._subscription is not None:
            self.hub.leave(self._subscription)
        await self._ended()
