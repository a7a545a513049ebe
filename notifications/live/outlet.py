"""One client's way out: what its connection cannot take at once waits, up to a bound in bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

from notifications.live.frames import Form, Message, Packet
from notifications.live.wire import short_way

Send = Callable[[Message], Coroutine[Any, Any, None]]
MOST_WAITING_BYTES = 256 * 1024


class Outlet:
    """Writes packets in order; what waits is joined into one write.

    It begins held: only `replay` writes then, and packets wait until `release`.
    """

    # there are thousands
    __slots__ = (
        "_final",
        "_form",
        "_is_held",
        "_is_over",
        "_overflowed",
        "_send",
        "_short_way",
        "_task",
        "_waiting",
        "_waiting_bytes",
    )

    def __init__(self, send: Send, form: Form, overflowed: Callable[[], None]) -> None:
        self._send = send
        self._short_way = short_way(send)
        self._form = form
        self._overflowed = overflowed
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._final: Message | None = None
        self._is_held = True
        self._is_over = False
        self._task: asyncio.Task[None] | None = None

    def put(self, packet: Packet) -> None:
        """Write at once if the connection takes it, without a switch of tasks; else keep it."""
        if self._is_over or self._final:
            return
        if self._is_held or self._task:
            self._keep(packet.piece)
            return
        if self._short_way and self._short_way(packet.wire):
            return
        try:
            rest = _run(self._send(packet.message))
        except (OSError, RuntimeError):
            # the client has gone; its consumer will hear of it
            self._is_over = True
            return
        if rest:
            self._task = asyncio.create_task(self._drain(rest))

    async def replay(self, piece: bytes) -> None:
        """Write while held, and wait until the connection has taken it."""
        if not self._is_over and not self._final:
            await self._send(self._form.message(piece))

    async def hold(self) -> None:
        """Let packets wait from when everything before them is written."""
        while self._task:
            await asyncio.wait([self._task])
        self._is_held = True

    def release(self) -> None:
        """Write what has waited; from now on packets go out at once."""
        self._is_held = False
        if (self._waiting or self._final) and not self._task:
            self._task = asyncio.create_task(self._drain())

    def finish(self, final: Message) -> None:
        """Write what waits, then the end."""
        if self._final or self._is_over:
            return
        self._final = final
        if not self._is_held:
            self.release()

    def abandon(self) -> None:
        """The client has gone."""
        self._is_over = True
        self._waiting.clear()
        if self._task:
            self._task.cancel()

    def _keep(self, piece: bytes) -> None:
        self._waiting.append(piece)
        self._waiting_bytes += len(piece)
        if self._waiting_bytes > MOST_WAITING_BYTES:
            self._waiting.clear()
            self._overflowed()

    async def _drain(self, rest: Awaitable[None] | None = None) -> None:
        try:
            if rest:
                await rest
            while self._waiting:
                piece = self._form.join(self._waiting)
                self._waiting.clear()
                self._waiting_bytes = 0
                await self._send(self._form.message(piece))
            if self._final:
                await self._send(self._final)
                self._is_over = True
        except (OSError, RuntimeError):
            self._is_over = True
        finally:
            self._task = None


def _run(sending: Coroutine[Any, Any, None]) -> _Rest | None:
    """Run `sending` up to where it has to wait; return the rest, None if it did not wait."""
    try:
        return _Rest(sending, sending.send(None))
    except StopIteration:
        return None


class _Rest:
    """What is left of a coroutine that was begun by hand, for a task to await."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], awaited: Any) -> None:
        self._coroutine = coroutine
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, None]:
        try:
            while True:
                try:
                    answer = yield self._awaited
                except BaseException as error:
                    self._awaited = self._coroutine.throw(error)
                else:
                    self._awaited = self._coroutine.send(answer)
        except StopIteration:
            return
