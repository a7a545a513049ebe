"""Processes of one host answer each other's clients, so that it does not matter whom one asks.

Before 2026-07-28 a session lives in the process that opened it. Its id begins with that process's
id, and any other process passes a request for it on, over the private socket of that process, as
the ASGI messages they are. What is passed on is what the edge has let in; the token is looked at
by the one that answers. Whoever is on another host, or has gone, is not there.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import re
import secrets
import socket
import stat
import tempfile
import time
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from museo.access import context

logger = logging.getLogger(__name__)

# what fits into sun_path on every system, the closing zero included, is 104 bytes
LONGEST_SOCKET_PATH = 100
MOST_WAITING = 4096
# between a socket's name and its first answer there is a moment
LEFT_BEHIND_SECONDS = 60
ID_BYTES = 8
_SESSION = re.compile(r"(?P<process>[0-9a-f]{16})\.(?P<session>[0-9a-f]{32})")
# of a scope, what the answer depends on
_PASSED_ON = ("http_version", "method", "scheme", "path", "root_path", "client", "server")


class UnsafeFolder(PermissionError):
    """Others could put a socket of their own there."""


# of a process that is not there, or of one that nobody can be sure of
NOT_THERE = (FileNotFoundError, ConnectionRefusedError, UnsafeFolder)


@dataclass(frozen=True)
class SessionId:
    """What a client calls its session: the process that has it, and its name there."""

    process: str
    session: str

    def __str__(self) -> str:
        return f"{self.process}.{self.session}"


def session_id(text: str) -> SessionId | None:
    """None for what no process of ours has given out."""
    found = _SESSION.fullmatch(text)
    return SessionId(found["process"], found["session"]) if found else None


def process_id() -> str:
    """This process's, like no other's on any host, before or after."""
    return _id_of(os.getpid())


@cache
def _id_of(_pid: int) -> str:
    return secrets.token_hex(ID_BYTES)


async def is_there(process: str) -> bool:
    """Whether a process of this host has this id."""
    try:
        _reader, writer = await asyncio.open_unix_connection(_socket(process))
    except NOT_THERE:
        return False
    writer.close()
    return True


async def pass_on(process: str, scope: Scope, receive: Receive, send: Send) -> bool:
    """Have a request answered by another process; False if it has gone without an answer."""
    try:
        reader, writer = await asyncio.open_unix_connection(_socket(process))
    except NOT_THERE:
        return False
    telling = asyncio.create_task(_tell(writer, scope, receive))
    has_begun = False
    try:
        while (message := await _read(reader)) is not None:
            has_begun = True
            await send(message)
            if _is_last(message):
                return True
        if has_begun:
            await send({"type": "http.response.body"})
        return has_begun
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        writer.close()


@asynccontextmanager
async def answering(app: ASGIApp) -> AsyncIterator[None]:
    """Let the other processes of this host ask this one."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if (asked := await _read(reader)) is not None:
                await _answer(app, asked, reader, writer)
        finally:
            writer.close()

    try:
        _clear_away()
        path = _socket(process_id())
        server = await asyncio.start_unix_server(answer, path, backlog=MOST_WAITING)
        path.chmod(0o600)
    except OSError as problem:
        logger.warning("other processes cannot ask this one", extra={"reason": str(problem)})
        yield
        return
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


async def _tell(writer: asyncio.StreamWriter, scope: Scope, receive: Receive) -> None:
    """What is asked, and then all that the client says, to the end."""
    asked = {name: scope.get(name) for name in _PASSED_ON}
    asked |= {"query_string": scope["query_string"], "headers": scope["headers"]}
    with suppress(ConnectionError):
        await _write(writer, {**asked, "correlation_id": context.correlation_id()})
        while True:
            message = await receive()
            await _write(writer, message)
            if message["type"] == "http.disconnect":
                break


async def _answer(
    app: ASGIApp,
    asked: MutableMapping[str, Any],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    async def receive() -> Message:
        return await _read(reader) or {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        # whoever has gone need not be told
        with suppress(ConnectionError):
            await _write(writer, message)

    context.begin(asked.pop("correlation_id"))
    await app({"type": "http", "asgi": {"version": "3.0"}, **asked}, receive, send)


# on the wire: the length in four bytes, then JSON, in which bytes are Latin-1


async def _write(writer: asyncio.StreamWriter, message: MutableMapping[str, Any]) -> None:
    data = orjson.dumps(message, default=_as_text)
    writer.write(len(data).to_bytes(4) + data)
    await writer.drain()


async def _read(reader: asyncio.StreamReader) -> MutableMapping[str, Any] | None:
    """None when the other side has ended."""
    try:
        length = int.from_bytes(await reader.readexactly(4))
        message: dict[str, Any] = orjson.loads(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    for name in ("body", "query_string"):
        if name in message:
            message[name] = message[name].encode("latin-1")
    if "headers" in message:
        pairs = message["headers"]
        message["headers"] = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in pairs]
    return message


def _as_text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    raise TypeError


def _is_last(message: Message) -> bool:
    return message["type"] == "http.response.body" and not message.get("more_body")


# where the sockets are


def _socket(process: str) -> Path:
    return _folder() / f"{process}.sock"


def _folder() -> Path:
    """A private one: in MUSEO_HOME, or a short one that is found by its name."""
    folder = Path(settings.MUSEO_HOME) / "mcp"
    longest = len(os.fsencode(folder)) + len("/.sock") + 2 * ID_BYTES
    if longest > LONGEST_SOCKET_PATH:
        name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"museo-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise UnsafeFolder(f"{folder} must be a folder that is closed to others.")
    return folder


def _clear_away() -> None:
    """Sockets that nobody listens on any more: of processes that were killed."""
    for path in _folder().glob("*.sock"):
        with suppress(OSError):
            if time.time() - path.lstat().st_mtime > LEFT_BEHIND_SECONDS and _is_dead(path):
                path.unlink()


def _is_dead(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(0.1)
        try:
            client.connect(str(path))
        except ConnectionRefusedError:
            return True
    return False
