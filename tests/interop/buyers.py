"""Clients of others that buy from an open shop, each in its own way of hearing of its order."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.interop import packages
from tests.processes import eventually
from tests.shops import ROOT

CLIENTS = Path(__file__).with_name("clients")
# nine at once, on a machine that is busy
WITHIN = 300
Command = Sequence[str | Path]


def _script(name: str, *more: Callable[[], str]) -> Callable[[str], Command]:
    return lambda address: [
        *packages.script(CLIENTS / f"{name}.mjs"),
        address,
        *(each() for each in more),
    ]


def _python(name: str, program: Callable[[], Path], *more: str) -> Callable[[str], Command]:
    return lambda address: [program(), "-m", f"tests.interop.clients.{name}", address, *more]


def _mcp_remote() -> str:
    return packages.node("mcp-remote", "dist/proxy.js")[1]


def _inspector() -> str:
    program = "clients/launcher/build/index.js"
    return packages.node("@modelcontextprotocol/inspector", program)[1]


def _ours() -> Path:
    return Path(sys.executable)


# they hold a stream open
STREAMING = {
    "TypeScript SDK 1": _script("typescript_1"),
    "mcp-remote": _script("typescript_1", _mcp_remote),
    "TypeScript SDK 2": _script("typescript_2"),
    "Python SDK, listening": _python("python_sdk", _ours, "auto"),
    "Python SDK, in a session": _python("python_sdk", _ours, "legacy"),
    "fastmcp": _python("fastmcp_client", packages.python),
}
# they look again and again
POLLING = {
    "Inspector of 2025": _script("inspector", _inspector, lambda: "legacy"),
    "Inspector of 2026": _script("inspector", _inspector, lambda: "modern"),
}


def called_back(port: int) -> dict[str, Callable[[str], Command]]:
    """By MCP Events, at a port of their own."""
    return {"AI SDK": _script("ai_sdk_events", lambda: str(port))}


class Buyer:
    """One that is at work. It says what it is told, line by line."""

    def __init__(self, command: Command) -> None:
        self._lines: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._reading = [
            threading.Thread(target=read, daemon=True) for read in (self._hear, self._complain)
        ]
        self._complaint = ""
        for thread in self._reading:
            thread.start()

    @property
    def told(self) -> list[str]:
        return self._said("told")

    @property
    def number(self) -> str:
        """Of the order that it follows by now; empty before that."""
        return next(iter(self._said("follows")), "")

    @property
    def version(self) -> str:
        return next(iter(self._said("version")), "")

    @property
    def replayed(self) -> list[tuple[int, str]]:
        return [(version, kind) for version, kind in next(iter(self._said("replayed")), [])]

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def ends(self) -> None:
        """Wait for its end; fail if it failed."""
        eventually(self.has_ended, seconds=WITHIN)
        for thread in self._reading:
            thread.join(WITHIN)
        assert self.process.returncode == 0, (self._lines, self._complaint[-2000:])

    def stop(self) -> None:
        if not self.has_ended():
            self.process.kill()
            self.process.wait()
        for thread in self._reading:
            thread.join(WITHIN)

    def _said(self, what: str) -> list[Any]:
        return [line[what] for line in tuple(self._lines) if what in line]

    def _hear(self) -> None:
        assert self.process.stdout
        with self.process.stdout as said:
            for line in said:
                self._lines.append(json.loads(line))

    def _complain(self) -> None:
        assert self.process.stderr
        with self.process.stderr as said:
            self._complaint = said.read()


@contextmanager
def buying(
    clients: dict[str, Callable[[str], Command]], address: str
) -> Iterator[dict[str, Buyer]]:
    """All of them at once, at the address of `/mcp`; none is left at the end."""
    # what they run is put in place before the first of them runs
    commands = {name: command(address) for name, command in clients.items()}
    with ExitStack() as stack:
        buyers = {}
        for name, command in commands.items():
            buyers[name] = Buyer(command)
            stack.callback(buyers[name].stop)
        yield buyers
