"""A whole shop for a test: every process of `manage.py up`, in a folder of its own."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests import shared, tables
from tests.processes import eventually, is_healthy

ROOT = shared.ROOT
UP = (sys.executable, "manage.py", "up")


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
        return is_healthy(self.address)


@contextmanager
def open_shop(
    home: Path,
    *,
    speed: float = 60,
    command: Sequence[str] = UP,
    folder: Path = ROOT,
    within: float = 150,
    **environment: str,
) -> Iterator[Shop]:
    """A shop with the demo catalogue on a free port; closed at the end.

    One that is opened as usual has its tables, products and staff already: making them is tested
    where a shop is opened by `scripts/run` or on a database of its own.
    """
    if command is UP and "DATABASE_URL" not in environment:
        prepare(home)
        command = (*UP, "--no-demo")
    port = free_port()
    supervisor = subprocess.Popen(
        [*command, "--port", str(port), "--speed", f"{speed:g}"],
        cwd=folder,
        env={**_environment(home), **environment},
    )
    shop = Shop(f"http://127.0.0.1:{port}", home, supervisor)
    try:
        eventually(lambda: supervisor.poll() is not None or shop.is_healthy(), seconds=within)
        assert supervisor.poll() is None, "the shop did not open"
        yield shop
    finally:
        supervisor.terminate()
        supervisor.wait(timeout=60)


def prepare(home: Path) -> None:
    """Put tables, products and the staff login into a shop's folder, if it is new."""
    if not home.exists() or not any(home.iterdir()):
        # that of a shop that was never opened
        shutil.copytree(shared.made_once("home", _with_products), home, dirs_exist_ok=True)


def _with_products(home: Path) -> None:
    home.mkdir()
    shutil.copy(tables.sqlite(), home)
    # its password is hashed once for all shops: that takes as long as much of their opening
    shared.manage("prepare", home=home)
    shared.manage("demo", home=home)


def _environment(home: Path) -> dict[str, str]:
    own = ("DATABASE_URL", "REDIS_URL")
    kept = {name: value for name, value in os.environ.items() if name not in own}
    return {**kept, "MUSEO_HOME": str(home)}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
