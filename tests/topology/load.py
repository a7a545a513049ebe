"""People who read and people who buy, while something breaks."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from typing import Any

import httpx

from tests.faults.customers import THINGS, Crowd, Customer
from tests.processes import TLS, eventually
from tests.topology.running import Topology

READ = ("/", "/api/v1/catalog/products", "/api/v1/search?q=coffee", "/login", "/api/v1/basket")
ALL = [1, 2, 3, 4, 5]
PATIENCE_SECONDS = 90


@dataclass
class Readers:
    """Each asks for one thing after the other; what they got is counted by nginx."""

    address: str
    count: int = 4
    pause_seconds: float = 0.05
    # asked for and not answered at all: nginx itself was not there
    unanswered: list[str] = field(default_factory=list)
    _is_over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        with httpx.Client(base_url=self.address, timeout=30, verify=TLS) as http:
            for path in cycle(READ):
                if self._is_over.wait(self.pause_seconds):
                    return
                try:
                    http.get(path)
                except httpx.TransportError as problem:
                    self.unanswered.append(f"{path}: {problem!r}")

    @contextmanager
    def reading(self) -> Iterator[None]:
        threads = [threading.Thread(target=self.run, daemon=True) for _ in range(self.count)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()


@dataclass
class Load:
    """What came of it: who bought, and what nginx answered meanwhile."""

    topology: Topology
    crowd: Crowd
    first_line: int

    def asked(self) -> list[dict[str, Any]]:
        return self.topology.asked(after=self.first_line)

    def failed(self) -> list[str]:
        """What was answered by a 5xx: method, address, status, and by whom."""
        return [_said(line) for line in self.asked() if line["metadata"]["status"] >= 500]

    def failed_reads(self) -> list[str]:
        return [said for said in self.failed() if said.startswith("GET ")]

    def is_whole(self) -> None:
        """Everybody has an order of their own, and heard of each of its steps once."""
        customers = self.crowd.customers
        assert {customer.number: customer.versions for customer in customers} == {
            customer.number: ALL for customer in customers
        }
        assert len({customer.number for customer in customers}) == len(customers)
        assert not sum(customer.resets for customer in customers)


def _said(line: dict[str, Any]) -> str:
    told = line["metadata"]
    return f"{line['message']} {told['status']} ({told['its_status']} from {told['server']})"


def under_load(
    topology: Topology, break_it: Callable[[], None], *, seconds: float = 12, pause: float = 0.5
) -> Load:
    """Break it in the middle; return when everybody has got what they bought."""
    load = Load(
        topology,
        Crowd(topology.address, pause_seconds=pause),
        len(topology.access_log.read_text().splitlines()),
    )
    breaking = threading.Timer(seconds / 3, break_it)
    readers = Readers(topology.address)
    with readers.reading():
        breaking.start()
        load.crowd.open(seconds=seconds, patience=PATIENCE_SECONDS)
        breaking.join()
        eventually(topology.are_well, seconds=PATIENCE_SECONDS)
    load.crowd.wait(seconds=PATIENCE_SECONDS)
    assert readers.unanswered == []
    return load


def measured(what: str, is_so: Callable[[], bool], *, must_reach: float) -> None:
    """Wait until it is so, for as long as a slow machine may take, and say how long that was."""
    began = time.monotonic()
    eventually(is_so, seconds=2 * PATIENCE_SECONDS)
    took = time.monotonic() - began
    print(f"{what}: {took:.1f} s (must reach {must_reach:g} s)", flush=True)  # noqa: T201


class Receiver:
    """A program that is told by webhooks; `told` is what it took, each once."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/hook"
        self.told: dict[str, dict[str, Any]] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.told[str(self.headers["webhook-id"])] = json.loads(body)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_words: Any) -> None:
                """Nobody reads it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True

    def versions(self, number: str) -> list[int]:
        return [told["version"] for told in self.told.values() if told["order_id"] == number]

    @contextmanager
    def listening(self) -> Iterator[Receiver]:
        thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()


def register(topology: Topology, customer: Customer, receiver: Receiver) -> None:
    """Have the receiver told of the customer's order."""
    answer = httpx.post(
        f"{topology.address}/api/v1/orders/{customer.number}/webhook",
        json={"webhook_url": receiver.url},
        headers={"Authorization": f"Ticket {customer.ticket}"},
        timeout=20,
        verify=TLS,
    )
    assert answer.status_code == 201, answer.text


def buyer(topology: Topology) -> Customer:
    return Customer(topology.address, time.monotonic() + PATIENCE_SECONDS, sku=THINGS[0])
