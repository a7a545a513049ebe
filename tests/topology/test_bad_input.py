"""What nobody should send, at the edge: refused rightly, in little memory, beside other calls."""

import select
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.processes import TLS, eventually
from tests.topology.running import Topology

pytestmark = pytest.mark.django_db
MEGABYTE = 1_000_000
TRAVERSALS = (
    "/static/../museo/settings.py",
    "/static/..%2f..%2fmuseo/settings.py",
    "/static/%2e%2e/%2e%2e/etc/passwd",
    "/static/..\\..\\museo\\settings.py",
    "/media/../secret-key",
    "/media/..%2fsecret-key",
    "/media/%2e%2e%2fstaff-login",
    "/media//etc/passwd",
    "/media/....//secret-key",
    "/../../etc/passwd",
    "/static/\x00/base.css",
)
HEAD = b"GET /api/v1/catalog/products HTTP/1.1\r\nHost: 127.0.0.1\r\n"
POST = (
    b"POST /api/v1/basket/items HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
)
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@contextmanager
def sockets(shop: Topology, count: int) -> Iterator[list[socket.socket]]:
    at = urlsplit(shop.address)
    opened = [socket.create_connection((at.hostname or "", at.port or 0)) for _ in range(count)]
    try:
        yield opened
    finally:
        for each in opened:
            each.close()


def told(shop: Topology, sent: bytes) -> bytes:
    """What comes back until the other side closes, or is quiet after an answer."""
    with sockets(shop, 1) as (plug,):
        plug.settimeout(20)
        plug.sendall(sent)
        return plug.recv(65536)


def status(shop: Topology, sent: bytes) -> int:
    return int(told(shop, sent).split()[1])


def memory(shop: Topology) -> int:
    """Of nginx and of all that it asks, in bytes."""
    parts = ["nginx", *shop.of("web"), *shop.of("live")]
    whole = [process for part in parts for process in _family(shop.process(part))]
    return sum(int(process.memory_info().rss) for process in whole)


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_path_leads_out_of_the_shops_folders(deployed_shop: Topology, path: str) -> None:
    answer = told(deployed_shop, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())

    assert 400 <= int(answer.split()[1]) < 500
    for secret in (b"root:", b"SECRET_KEY", b"staff@museo.example"):
        assert secret not in answer


@pytest.mark.parametrize("path", ["/", "/api/v1/catalog/products", "/mcp", "/healthz"])
def test_a_host_that_is_not_ours_is_refused(deployed_shop: Topology, path: str) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example"):
        sent = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        assert status(deployed_shop, sent) == 400


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (HEAD + b"X-Large: " + b"x" * 200_000 + b"\r\n\r\n", 400),
        (HEAD + b"X-Many: 1\r\n" * 20_000 + b"\r\n", 400),
        (b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 414),
        (b"GET /api/v1/catalog/products HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", 400),
        (CHUNKED + b"zz\r\nnothing\r\n0\r\n\r\n", 400),
        (CHUNKED + b"-1\r\n\r\n0\r\n\r\n", 400),
        (CHUNKED + b"fffffffffffffffff\r\n", 400),
        (POST + b"Content-Length: -1\r\n\r\n", 400),
        (POST + b"Content-Length: 10\r\nContent-Length: 20\r\n\r\n", 400),
        (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
        (POST + b"Content-Length: 2000000\r\n\r\n", 413),
    ],
)
def test_what_is_no_http_or_too_much_of_it_is_refused(
    deployed_shop: Topology, sent: bytes, expected: int
) -> None:
    assert status(deployed_shop, sent) == expected


@pytest.mark.parametrize(("path", "megabytes"), [("/api/v1/basket/items", 1), ("/mcp", 4)])
def test_a_body_that_is_too_large_is_refused_as_a_problem(
    deployed_shop: Topology, path: str, megabytes: int
) -> None:
    body = b"x" * (megabytes * 1024 * 1024 + 1)
    answer = httpx.post(f"{deployed_shop.address}{path}", content=body, timeout=20, verify=TLS)

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.long
@pytest.mark.parametrize("begun", [b"", HEAD])
def test_a_thousand_sockets_that_say_little_are_closed_and_cost_little(
    deployed_shop: Topology, begun: bytes
) -> None:
    before = memory(deployed_shop)
    with sockets(deployed_shop, 1_000) as idle:
        for each in idle:
            each.sendall(begun)
        # beside them people are served
        answer = httpx.get(f"{deployed_shop.address}/api/v1/basket", timeout=20, verify=TLS)
        assert answer.status_code == 200
        assert memory(deployed_shop) - before < 50 * MEGABYTE

        deadline = time.monotonic() + 30
        left: Sequence[socket.socket] = idle
        while left and time.monotonic() < deadline:
            # each byte comes in time, and the whole never
            for each in left:
                _drip(each)
            ended = _ended(left)
            left = [each for each in left if each not in ended]
        assert len(left) == 0
    eventually(lambda: memory(deployed_shop) - before < 20 * MEGABYTE)


def _drip(plug: socket.socket) -> None:
    try:
        plug.send(b"X")
    except OSError:
        # it is closed, which is seen next
        return


def _ended(plugs: Sequence[socket.socket]) -> set[socket.socket]:
    poll = select.poll()
    by_number = {plug.fileno(): plug for plug in plugs}
    for number in by_number:
        poll.register(number, select.POLLIN | select.POLLHUP | select.POLLERR)
    return {by_number[number] for number, _event in poll.poll(1000)}
