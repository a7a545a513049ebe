"""The bench's client counts what arrived truthfully: a speed is only told of right answers."""

from __future__ import annotations

import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from bench.live import client
from tests import services

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
UNTIL_THE_END = b"HTTP/1.1 200 OK\r\n\r\n"
UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
# what a server answers to a request
Answer = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = services.find_compiler()
    if compiler is None:
        pytest.skip("no C compiler is installed")
    return client.build(compiler, tmp_path_factory.mktemp("client"))


@contextmanager
def serving(answer: Answer, *, piece: int = 1_000_000) -> Iterator[int]:
    """A server that answers one request after the other, in pieces; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, answer, piece))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def _serve(listener: socket.socket, answer: Answer, piece: int) -> None:
    while True:
        try:
            connection, _address = listener.accept()
        except OSError:
            return
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            asked = connection.recv(4096)
            told = answer(asked) if asked else b""
            # who has gone meanwhile has heard enough
            with suppress(OSError):
                for first in range(0, len(told), piece):
                    connection.sendall(told[first : first + piece])
                connection.shutdown(socket.SHUT_WR)
                # closed on what was not read, it would take back what was sent
                while connection.recv(4096):
                    pass


def arrived(program: Path, folder: Path, port: int, kind: str, **options: object) -> Any:
    with client.Client(
        program, folder, kind=kind, port=port, paths=["/events"], count=1, idle=2, **options
    ) as one:
        assert one.opened()["ready"] == 1
        return one.arrived()


def stamp(number: int) -> str:
    return f'{{"data":{{"stamp":"bench@{time.monotonic_ns()}.{number}","late":false}}}}'


def events(*numbers: int) -> bytes:
    return b"".join(f"id: {number}\ndata: {stamp(number)}\n\n".encode() for number in numbers)


def chunks(text: bytes, size: int) -> bytes:
    pieces = [text[first : first + size] for first in range(0, len(text), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


def frame(text: str) -> bytes:
    data = text.encode()
    return (
        b"\x81"
        + (bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack(">H", len(data)))
        + data
    )


def counts(told: Any) -> dict[str, int]:
    names = ("awaited", "delivered", "lost", "duplicates", "gaps", "out_of_order")
    return {name: told[name] for name in names}


def test_a_gap_and_a_duplicate_are_counted(program: Path, tmp_path: Path) -> None:
    with serving(lambda _asked: UNTIL_THE_END + events(1, 2, 4, 4, 6)) as port:
        told = arrived(program, tmp_path, port, "sse", until=6)

    assert counts(told) == {
        "awaited": 6,
        "delivered": 5,
        "lost": 2,
        "duplicates": 1,
        "gaps": 2,
        "out_of_order": 0,
    }


def test_an_event_that_comes_after_a_later_one_is_not_lost(program: Path, tmp_path: Path) -> None:
    with serving(lambda _asked: UNTIL_THE_END + events(1, 3, 2)) as port:
        told = arrived(program, tmp_path, port, "sse", until=3)

    assert (told["lost"], told["gaps"], told["out_of_order"], told["duplicates"]) == (0, 1, 1, 0)


def test_what_is_missing_at_the_beginning_and_the_end_is_lost(
    program: Path, tmp_path: Path
) -> None:
    with serving(lambda _asked: UNTIL_THE_END + events(3, 4)) as port:
        told = arrived(program, tmp_path, port, "sse", until=6)

    assert (told["lost"], told["gaps"]) == (4, 1)


@pytest.mark.parametrize("piece", [1, 7, 100_000])
@pytest.mark.parametrize("size", [5, 40, 100_000])
def test_events_are_read_across_chunks_and_packets(
    program: Path, tmp_path: Path, size: int, piece: int
) -> None:
    numbers = range(1, 6)
    with serving(lambda _asked: CHUNKED + chunks(events(*numbers), size), piece=piece) as port:
        told = arrived(program, tmp_path, port, "sse", until=5)

    assert (told["delivered"], told["lost"], told["gaps"], told["duplicates"]) == (5, 0, 0, 0)


@pytest.mark.parametrize("piece", [1, 100_000])
def test_frames_of_a_websocket_are_read_with_one_event_or_many(
    program: Path, tmp_path: Path, piece: int
) -> None:
    hello, ping = frame('[{"type":"subscribed"}]'), b"\x89\x02hi"
    array = frame(f"[{','.join(map(stamp, range(2, 6)))}]")
    told_all = UPGRADED + hello + frame(stamp(1)) + ping + array + frame(stamp(7))
    with serving(lambda _asked: told_all, piece=piece) as port:
        told = arrived(program, tmp_path, port, "ws", until=7, ready='"subscribed"')

    assert (told["delivered"], told["lost"], told["gaps"]) == (6, 1, 1)


def test_a_cut_connection_is_resumed_after_its_last_whole_event(
    program: Path, tmp_path: Path
) -> None:
    told = (events(1, 2) + events(3).removesuffix(b"\n"), events(3, 4))
    asked: list[bytes] = []

    def answer(request: bytes) -> bytes:
        asked.append(request)
        return UNTIL_THE_END + told[len(asked) - 1] if len(asked) <= len(told) else b""

    with serving(answer) as port:
        counted = arrived(program, tmp_path, port, "sse", until=4, resume=1)

    assert b"Last-Event-ID: 2\r\n" in asked[1]
    assert (counted["delivered"], counted["lost"], counted["duplicates"]) == (4, 0, 0)


def test_a_refusal_is_not_an_open_connection(program: Path, tmp_path: Path) -> None:
    with (
        serving(lambda _asked: b"HTTP/1.1 503 Service Unavailable\r\n\r\n") as port,
        client.Client(
            program, tmp_path, kind="sse", port=port, paths=["/"], count=1, until=1
        ) as refused,
    ):
        opened = refused.opened()

    assert (opened["ready"], opened["refused"]) == (0, 1)
