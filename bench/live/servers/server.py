"""A server under test: how it is started, what it is asked, who publishes to it."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psutil

from bench.live.plan import Plan

LISTENS_WITHIN = 60.0


class Statements(Protocol):
    """Counts what the server asks of its database."""

    def reset(self) -> None: ...

    def count(self) -> int: ...


# kind of client, number of topics: what its connections ask for, in turn
Paths = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True)
class Server:
    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    folder: Path
    port: int
    # what only live push has: who publishes, and what is asked for
    publisher: Sequence[str | Path] = ()
    paths: Paths = lambda _kind, _topics: ()
    kinds: frozenset[str] = frozenset({"sse", "ws"})
    # where it has another one than the server
    publisher_environment: Mapping[str, str] | None = None
    # by kind of client: what says that it hears; without it, the head of the answer does
    ready: Mapping[str, str] = field(default_factory=dict)
    # database and Redis: they are counted apart
    backends: Sequence[psutil.Process] = ()
    statements: Statements | None = None
    # cannot take a burst within a minute, and is given a smaller one
    is_slow: bool = False


class Running:
    """A server that listens; it can be killed, and started again."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._log = (server.folder / f"{server.name}.log").open("ab")
        self._process = self._launch()

    @property
    def processes(self) -> list[psutil.Process]:
        return [psutil.Process(self._process.pid)]

    def kill(self) -> None:
        """As `kill -9`, with its children."""
        if self._process.poll() is None:
            family = [*self.processes[0].children(recursive=True), *self.processes]
            for process in family:
                process.kill()
            # a child may hold the port for a moment longer
            psutil.wait_procs(family, timeout=LISTENS_WITHIN)
        self._process.wait()

    def start_again(self) -> None:
        self._process = self._launch()

    def stop(self) -> None:
        self.kill()
        self._log.close()

    def wait_until_it_listens(self) -> None:
        give_up_at = time.monotonic() + LISTENS_WITHIN
        while not listens(self.server.port):
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                raise RuntimeError(f"{self.server.name} does not start; see {self._log.name}")
            time.sleep(0.02)

    def _launch(self) -> subprocess.Popen[bytes]:
        server = self.server
        return subprocess.Popen(
            server.command,
            cwd=server.folder,
            env=dict(server.environment),
            stdout=self._log,
            stderr=self._log,
        )


@contextmanager
def running(server: Server) -> Iterator[Running]:
    if listens(server.port):
        raise RuntimeError(f"Something listens on port {server.port}. Choose others with --port.")
    started = Running(server)
    try:
        started.wait_until_it_listens()
        yield started
    finally:
        started.stop()


class Publisher:
    """A process that publishes to one server, as its plans say."""

    def __init__(self, server: Server) -> None:
        self._process = subprocess.Popen(
            server.publisher,
            cwd=server.folder,
            env=dict(server.publisher_environment or server.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.answer()

    def begin(self, plan: Plan) -> None:
        if self._process.stdin:
            self._process.stdin.write(plan.line())
            self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """How the plan went, when it is done."""
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError("A publisher ended early; what it said is above.")
        told: dict[str, Any] = json.loads(line)
        return told

    def publish(self, plan: Plan) -> dict[str, Any]:
        self.begin(plan)
        return self.answer()

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


def listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0
