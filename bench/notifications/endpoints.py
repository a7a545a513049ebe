"""Receivers of webhooks in a process of their own, each with its manners.

`python -m bench.notifications.endpoints well 500 never …` prints their ports; told to, it prints
when which event came to those that are well, as `[[number, seconds], …]`, and ends.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from functools import partial

import orjson

CLOSED = "closed"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
TEN_MEGABYTES = b"HTTP/1.1 500 X\r\ncontent-length: 10000000\r\n\r\n" + bytes(10_000_000)
ANSWERS: Mapping[str, bytes] = {
    "well": OK,
    "500": b"HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n",
    "429": b"HTTP/1.1 429 X\r\ncontent-length: 0\r\nretry-after: 5\r\n\r\n",
    "301": b"HTTP/1.1 301 X\r\ncontent-length: 0\r\nlocation: http://127.0.0.1/\r\n\r\n",
    "large": TEN_MEGABYTES,
    "nonsense": b"\x00\xff\r\n\r\n",
    "reset": b"",
    "never": b"",
    "drops": b"",
}
MANNERS = (*ANSWERS, CLOSED)

came: list[tuple[int, float]] = []


class Endpoint(asyncio.Protocol):
    """Answers each request that has come whole."""

    def __init__(self, manner: str) -> None:
        self._manner = manner
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  of TCP
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        self._read = b""
        if self._manner == "well":
            came.append((orjson.loads(body)["data"]["n"], time.time()))
        self._answer()

    def _answer(self) -> None:
        if self._manner == "reset":
            self._transport.abort()
        elif self._manner == "drops":
            self._drip(OK)
        else:
            self._transport.write(ANSWERS[self._manner])

    def _drip(self, rest: bytes) -> None:
        if rest and not self._transport.is_closing():
            self._transport.write(rest[:1])
            asyncio.get_running_loop().call_later(1, self._drip, rest[1:])


def _length(head: bytes) -> int:
    lines = (line.partition(b":") for line in head.lower().split(b"\r\n"))
    return next((int(value) for name, _colon, value in lines if name == b"content-length"), 0)


async def main(manners: list[str]) -> None:
    loop = asyncio.get_running_loop()
    ports = []
    for manner in manners:
        server = await loop.create_server(partial(Endpoint, manner), "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        if manner == CLOSED:
            server.close()
    sys.stdout.write(orjson.dumps(ports).decode() + "\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.readline)
    sys.stdout.write(orjson.dumps(came).decode() + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
