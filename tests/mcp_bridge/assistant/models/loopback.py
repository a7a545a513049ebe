"""An HTTP server on a loopback socket, in the test's own event loop, whose every byte is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Asked:
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Scene:
    """One answer. Without `is_whole` the connection breaks off after the parts; who waits, waits
    after them until the server ends."""

    status: int
    parts: Sequence[str]
    headers: Mapping[str, str] = field(default_factory=dict)
    is_whole: bool = True
    waits: bool = False


Answer = Callable[[Asked], Scene]
EVENTS = "text/event-stream; charset=utf-8"


def events(parts: Sequence[str], **how: Any) -> Scene:
    return Scene(200, parts, {"content-type": EVENTS}, **how)


def of_json(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Scene:
    told = {"content-type": "application/json", **(headers or {})}
    return Scene(status, [json.dumps(body)], told)


@dataclass
class Server:
    """What it was asked, in order; `url` is its address."""

    answer: Answer
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    _ending: asyncio.Event = field(default_factory=asyncio.Event)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                is_open = True
                while is_open:
                    asked = await _read(reader)
                    self.asked.append(asked)
                    is_open = await self._play(self.answer(asked), writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _play(self, scene: Scene, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection can be used again."""
        lines = [f"HTTP/1.1 {scene.status} Told", "transfer-encoding: chunked"]
        lines += [f"{name}: {value}" for name, value in scene.headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        for part in scene.parts:
            sent = part.encode()
            writer.write(f"{len(sent):x}\r\n".encode() + sent + b"\r\n")
            await writer.drain()
        if scene.waits:
            await self._ending.wait()
        if scene.is_whole and not scene.waits:
            writer.write(b"0\r\n\r\n")
            await writer.drain()
            return True
        return False

    def end(self) -> None:
        self._ending.set()


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    headers = {
        name.strip().lower(): value.strip()
        for name, _colon, value in (line.partition(":") for line in lines)
    }
    sent = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(first.split()[1], headers, json.loads(sent or b"null"))


@asynccontextmanager
async def serve(answer: Answer) -> AsyncIterator[Server]:
    server = Server(answer)
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        talks.add(task)
        with suppress(asyncio.CancelledError):
            await server.talk(reader, writer)

    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        server.end()
        listening.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await listening.wait_closed()


def in_turn(*scenes: Scene | Answer) -> Answer:
    """Each answers one question, the last one all that come after it."""
    left = list(scenes)

    def answer(asked: Asked) -> Scene:
        scene = left.pop(0) if len(left) > 1 else left[0]
        return scene if isinstance(scene, Scene) else scene(asked)

    return answer
