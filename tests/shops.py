"""A whole shop for a test: every process of `manage.py up`, in a folder of its own."""

import atexit
import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

from tests.processes import eventually, is_healthy

ROOT = Path(__file__).parents[1]
UP = (sys.executable, "manage.py", "up")
# a folder for what several runs of pytest need once
SHARED = "TEST_SHARED"


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

    One that is opened as usual has its tables and products already: making them is tested where a
    shop is opened by `scripts/run` or on a database of its own.
    """
    if command is UP and "DATABASE_URL" not in environment:
        prepare(home)
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
    """Put tables and products into a shop's folder, if it is new."""
    if not home.exists() or not any(home.iterdir()):
        shutil.copytree(_prepared(), home, dirs_exist_ok=True)


@cache
def _prepared() -> Path:
    """The folder of a shop that was never opened; all lanes of a whole run share one."""
    folder = Path(os.environ.get(SHARED) or tempfile.mkdtemp(prefix="museo-prepared-"))
    if SHARED not in os.environ:
        atexit.register(shutil.rmtree, folder)
    folder.mkdir(exist_ok=True)
    home, is_made = folder / "home", folder / "is-made"
    with (folder / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not is_made.exists():
            for command in ("migrate", "demo"):
                subprocess.run(
                    [sys.executable, "manage.py", command, "--verbosity=0"],
                    cwd=ROOT,
                    env=_environment(home),
                    check=True,
                )
            is_made.touch()
    return home


def _environment(home: Path) -> dict[str, str]:
    own = ("DATABASE_URL", "REDIS_URL")
    kept = {name: value for name, value in os.environ.items() if name not in own}
    return {**kept, "MUSEO_HOME": str(home)}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
