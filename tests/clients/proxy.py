"""A small proxy between a client and the shop: a test says what goes wrong on the way."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

Result = TypeVar("Result")
Edit = Callable[[bytes], list[bytes]]

WITHIN = 10
ASKS_FOR_A_STREAM = re.compile(rb"GET (\S+) [^\0]*?\r\naccept: [^\r]*text/event-stream", re.I)


class Proxy:
    """Passes everything on until it is told otherwise.

    `edit` sees every frame of a stream, without its blank line, and returns those that go on.
    """

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target)
        self.edit: Edit = lambda frame: [frame]
        # bytes are swallowed while connections stay open
        self.is_silent = False
        # the addresses of all streams that were asked for
        self.asked: list[str] = []
        self.address = ""
        self._port = 0
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._streams: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    # what a test says

    def listen(self) -> None:
        self._wait(self._listen())

    def refuse(self) -> None:
        """Cut every connection and take no new one."""
        self._wait(self._refuse())

    def cut(self) -> None:
        """Cut every connection; the next is welcome."""
        self._wait(self._cut())

    def put(self, frame: bytes) -> None:
        """Say this on every open stream."""
        self._wait(self._put(frame))

    @property
    def streams(self) -> int:
        """How many are open."""
        return len(self._streams)

    # its life

    def start(self) -> None:
        self._thread.start()
        self.listen()

    def stop(self) -> None:
        self.refuse()
        self._wait(self._end_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WITHIN)
        self._loop.close()

    def _wait(self, doing: Coroutine[Any, Any, Result]) -> Result:
        future: Future[Result] = asyncio.run_coroutine_threadsafe(doing, self._loop)
        return future.result(WITHIN)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]
            self.address = f"http://127.0.0.1:{self._port}"

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._cut()

    async def _cut(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _put(self, frame: bytes) -> None:
        for writer in self._streams:
            writer.write(_chunk(frame))

    async def _end_tasks(self) -> None:
        # who was taken a moment ago has no task yet
        await asyncio.sleep(0)
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            # their connections are closed in the loop's next turn
            await asyncio.sleep(0)

    # one connection

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up: asyncio.StreamWriter | None = None
        self._open.add(writer)
        try:
            # a task that ends as cancelled is an error to asyncio's server
            with suppress(OSError, asyncio.CancelledError):
                down, up = await asyncio.open_connection(self.target.hostname, self.target.port)
                wants_stream = asyncio.Event()
                to_shop = asyncio.create_task(self._to_shop(reader, up, writer, wants_stream))
                to_client = asyncio.create_task(self._to_client(down, writer, wants_stream))
                done, rest = await asyncio.wait(
                    {to_shop, to_client}, return_when=asyncio.FIRST_COMPLETED
                )
                for task in rest:
                    task.cancel()
                await asyncio.gather(*done, *rest, return_exceptions=True)
        finally:
            self._open.discard(writer)
            self._streams.discard(writer)
            for end in (writer, up):
                if end is not None:
                    end.transport.abort()

    async def _to_shop(
        self,
        reader: asyncio.StreamReader,
        up: asyncio.StreamWriter,
        writer: asyncio.StreamWriter,
        wants_stream: asyncio.Event,
    ) -> None:
        while data := await reader.read(65536):
            if asked := ASKS_FOR_A_STREAM.match(data):
                self.asked.append(asked[1].decode())
                wants_stream.set()
            if not self.is_silent:
                up.write(data)
                await up.drain()

    async def _to_client(
        self,
        down: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        wants_stream: asyncio.Event,
    ) -> None:
        while data := await down.read(65536):
            if wants_stream.is_set() and b"text/event-stream" in data.partition(b"\r\n\r\n")[0]:
                head, _, rest = data.partition(b"\r\n\r\n")
                await self._stream(head, rest, down, writer)
                return
            await self._pass(data, writer)

    async def _stream(
        self, head: bytes, rest: bytes, down: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await self._pass(head + b"\r\n\r\n", writer)
        self._streams.add(writer)
        text = b""
        async for piece in _chunks(rest, down):
            *frames, text = (text + piece).split(b"\n\n")
            for frame in frames:
                for edited in self.edit(frame):
                    await self._pass(_chunk(edited), writer)
        await self._pass(b"0\r\n\r\n", writer)

    async def _pass(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        if not self.is_silent:
            writer.write(data)
            await writer.drain()


async def _chunks(rest: bytes, down: asyncio.StreamReader) -> Any:
    """The pieces of a chunked body."""
    buffer = rest
    while True:
        while b"\r\n" not in buffer:
            buffer += await _more(down)
        size, _, buffer = buffer.partition(b"\r\n")
        length = int(size, 16)
        while len(buffer) < length + 2:
            buffer += await _more(down)
        if not length:
            return
        yield buffer[:length]
        buffer = buffer[length + 2 :]


async def _more(down: asyncio.StreamReader) -> bytes:
    data = await down.read(65536)
    if not data:
        raise ConnectionResetError("the shop cut the stream")
    return data


def _chunk(frame: bytes) -> bytes:
    frame += b"\n\n"
    return b"%x\r\n%b\r\n" % (len(frame), frame)


@contextmanager
def proxy_to(target: str) -> Iterator[Proxy]:
    proxy = Proxy(target)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
