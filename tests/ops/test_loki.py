"""Lines go to a Loki: a loopback server that takes what its HTTP API takes.

https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs
"""

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from museo.ops import loki
from museo.ops.loki import LOST, Loki
from tests.processes import eventually


class Server(ThreadingHTTPServer):
    """Answers 204 as Loki does, or what it is told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Push)
        self.answers: list[int] = []
        self.taken: list[dict[str, Any]] = []

    @property
    def lines(self) -> list[Any]:
        return [
            json.loads(line)["message"]
            for pushed in list(self.taken)
            for stream in pushed["streams"]
            for _time, line in stream["values"]
        ]


class Push(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.server.answers.pop(0) if self.server.answers else 204
        is_push = self.path == "/loki/api/v1/push"
        if is_push and self.headers["Content-Type"] == "application/json" and status == 204:
            self.server.taken.append(body)
        self.send_response(status if is_push else 404)
        self.end_headers()

    def log_message(self, *_about: Any) -> None:
        """Not into the test's output."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(loki, "SHORTEST_SECONDS", 0.01)
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def handler(server: Server) -> Iterator[Loki]:
    host, port = server.server_address[:2]
    made = Loki(str(host), int(port), process="web")
    yield made
    made.close()


@pytest.fixture
def logger(handler: Loki) -> Iterator[logging.Logger]:
    found = logging.getLogger("museo.test")
    found.addHandler(handler)
    yield found
    found.removeHandler(handler)


def test_lines_come_in_streams_by_level_with_their_time(
    server: Server, logger: logging.Logger
) -> None:
    logger.warning("first", extra={"refund": "RF-1"})
    logger.error("second")

    eventually(lambda: sorted(server.lines) == ["first", "second"])
    streams = [stream for pushed in server.taken for stream in pushed["streams"]]
    assert [stream["stream"] for stream in streams] == [
        {"app": "museo", "process": "web", "level": "warn"},
        {"app": "museo", "process": "web", "level": "error"},
    ]
    (at, line), *_others = streams[0]["values"]
    assert len(at) == len("1700000000000000000")
    assert json.loads(line)["metadata"] == {"logger": "museo.test", "refund": "RF-1"}


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_cannot_be_taken_now_is_sent_again(
    server: Server, logger: logging.Logger, status: int
) -> None:
    server.answers = [status, status]

    logger.warning("patient")

    eventually(lambda: server.lines == ["patient"])


def test_what_is_refused_is_counted_and_not_sent_again(
    server: Server, logger: logging.Logger
) -> None:
    before = lost()
    server.answers = [400]

    logger.warning("refused")
    eventually(lambda: lost() == before + 1)
    logger.warning("taken")

    eventually(lambda: server.lines == ["taken"])


def test_nobody_waits_for_a_loki_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loki, "ROOM", 5)
    away = Loki("127.0.0.1", 1, process="web")
    before = lost()
    # its thread would take some
    monkeypatch.setattr(away, "_start", lambda: None)

    for number in range(8):
        away.emit(logging.makeLogRecord({"msg": f"line {number}"}))

    assert [json.loads(line)["message"] for _at, _level, line in away._next()] == [
        f"line {number}" for number in range(3, 8)
    ]
    assert lost() == before + 3


def test_what_waits_is_sent_as_the_process_ends(server: Server, handler: Loki) -> None:
    handler.emit(logging.makeLogRecord({"msg": "last words"}))

    handler.close()

    assert server.lines == ["last words"]


def lost() -> float:
    (family,) = LOST.collect()
    return next(each.value for each in family.samples if each.name.endswith("_total"))
