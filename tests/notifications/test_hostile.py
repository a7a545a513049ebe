"""What is sent to harm: every piece is refused in words, and the process neither dies nor grows."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.notifications.conftest import tell
from tests.notifications.serving import UVICORN, served
from tests.notifications.test_consumers import BAD

pytestmark = pytest.mark.usefixtures("committed", "redis")

MB = 1024 * 1024
ROUNDS = 12
STREAM = {"Accept": "text/event-stream"}
TOO_MANY = json.dumps({"action": "subscribe", "topics": [f"trial.{n}" for n in range(10_000)]})
# `after`, and the answer: a problem, or a stream that begins with a reset
CURSORS = {"-1": "400", "ffffffff-1": "reset", "9" * 18: "reset", "9" * 400: "400", "soon": "400"}
# 20 MB
EVENTS, PADDING = 5000, 4000
WEIGHINGS = 2


def test_what_is_sent_to_harm_is_refused_and_costs_no_memory(redis_url: str) -> None:
    tell(count=3)
    with served(UVICORN, redis_url) as (process, address):
        at = psutil.Process(process.pid)
        _be_hostile(address)
        before = at.memory_full_info().uss

        for _ in range(ROUNDS):
            _be_hostile(address)

        grown = at.memory_full_info().uss - before
        with httpx.stream("GET", f"{address}{_page(after='0')}", headers=STREAM) as answer:
            assert any('"connected"' in line for line in answer.iter_lines())
    # of 20 MB that were sent, frames wait here and there for the collector
    assert grown < 8 * MB


def _be_hostile(address: str) -> None:
    with httpx.Client(base_url=address, timeout=10) as http:
        for cursor, answer in CURSORS.items():
            assert _answer(http, _page(after=cursor)) == answer, cursor
        assert _answer(http, _page(topics="trial.secret", ticket="stolen")) == "404"
        many = ",".join(f"trial.{n}" for n in range(5000))
        assert _answer(http, _page(topics=many)) in {"400", "414"}
    url = address.replace("http", "ws") + "/ws/events/"
    with connect(url) as client:
        client.recv(timeout=20)
        for frame, code in [*BAD, (TOO_MANY, "bad_frame"), ("x" * 250_000, "bad_frame")]:
            client.send(frame)
            assert json.loads(client.recv(timeout=20))[0]["code"] == code
    with connect(url) as client:
        client.recv(timeout=20)
        client.send("x" * MB)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=20)
    assert closed.value.rcvd
    assert closed.value.rcvd.code == 1009


def _answer(http: httpx.Client, path: str) -> str:
    """The status of a refusal, or the type of a stream's first message."""
    with http.stream("GET", path, headers=STREAM) as answer:
        if answer.status_code != 200:
            answer.read()
            assert answer.headers["content-type"] == "application/problem+json"
            return str(answer.status_code)
        lines = (line for line in answer.iter_lines() if line.startswith("data: "))
        next(lines)
        return str(json.loads(next(lines)[6:])["type"])


def _page(**query: str) -> str:
    return f"/api/v1/events?{httpx.QueryParams({'topics': 'trial.a', **query})}"


@pytest.mark.parametrize(
    ("bound", "is_ended"),
    [("256 * 1024", True), pytest.param("10**9", False, marks=pytest.mark.long)],
)
def test_a_client_that_never_reads_is_ended_before_it_costs_memory(
    redis_url: str, bound: str, is_ended: bool
) -> None:
    """Without the bound in bytes, all that it does not read would be kept for it."""
    bounded = f"from notifications.live import outlet\noutlet.MOST_WAITING_BYTES = {bound}\n"
    with served(UVICORN.replace("import uvicorn", f"{bounded}import uvicorn"), redis_url) as (
        process,
        address,
    ):
        at = psutil.Process(process.pid)
        # what the server keeps for replays is full before it is weighed
        _pass_by(address)
        before = at.memory_full_info().uss

        grown = []
        with _never_reads(address):
            for _ in range(WEIGHINGS):
                _pass_by(address)
                grown.append(at.memory_full_info().uss - before)

    # what is kept for that client stays, garbage goes: a weighing is right within some megabytes
    assert (min(grown) < EVENTS * PADDING / 2) == is_ended


def _pass_by(address: str) -> None:
    """20 MB, heard to the last by somebody who reads."""
    with httpx.stream("GET", f"{address}{_page()}", headers=STREAM, timeout=10) as answer:
        lines = answer.iter_lines()
        next(lines)
        for _ in range(EVENTS // 40):
            last = tell(count=40, padding="x" * PADDING)
            assert any(line.endswith(f"-{last}") for line in lines)


@contextmanager
def _never_reads(address: str) -> Iterator[None]:
    at = urlsplit(address)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((at.hostname, at.port))
        head = (
            f"GET {_page()} HTTP/1.1",
            f"Host: {at.netloc}",
            "Accept: text/event-stream",
            "",
            "",
        )
        client.sendall("\r\n".join(head).encode())
        assert client.recv(12) == b"HTTP/1.1 200"
        yield
