"""A whole shop for a test: every process of `manage.py up`, in a folder of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from tests.processes import eventually

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Shop:
    """An open shop: where it is, and the supervisor that keeps it open."""

    address: str
    home: Path
    supervisor: subprocess.Popen[bytes]

    def process(self, words: str) -> psutil.Process:
        """The child whose command line holds `words`."""
        children = psutil.Process(self.supervisor.pid).children(recursive=True)
        return next(child for child in children if words in " ".join(child.cmdline()))

    def is_healthy(self) -> bool:
        try:
            return httpx.get(f"{self.address}/healthz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False


@contextmanager
def open_shop(
    home: Path,
    *,
    speed: float = 60,
    command: Sequence[str] = (sys.executable, "manage.py", "up"),
    folder: Path = ROOT,
    within: float = 60,
    **environment: str,
) -> Iterator[Shop]:
    """A shop with the demo catalogue on a free port; closed at the end."""
    port = free_port()
    own = ("DATABASE_URL", "REDIS_URL")
    supervisor = subprocess.Popen(
        [*command, "--port", str(port), "--speed", f"{speed:g}"],
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if name not in own},
            "MUSEO_HOME": str(home),
            **environment,
        },
    )
    shop = Shop(f"http://127.0.0.1:{port}", home, supervisor)
    try:
        eventually(lambda: supervisor.poll() is not None or shop.is_healthy(), seconds=within)
        assert supervisor.poll() is None, "the shop did not open"
        yield shop
    finally:
        supervisor.terminate()
        supervisor.wait(timeout=10)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
