"""`manage.py up` as a person meets it: what it says, what it starts, how it ends."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from museo.ops.preflight import ROOT
from tests.processes import TLS
from tests.shops import Shop, free_port, prepare

# a word of the command line -> the part's name
NAMES = {"valkey-server": "valkey", "museo.asgi": "web", "worker clock": "clock"}


@dataclass(frozen=True)
class OpenShop(Shop):
    port: int
    said: list[str]

    def parts(self) -> dict[str, psutil.Process]:
        found = {}
        for child in psutil.Process(self.supervisor.pid).children():
            with suppress(psutil.NoSuchProcess):
                words = " ".join(child.cmdline())
                name = next((name for word, name in NAMES.items() if word in words), "work")
                found[name] = child
        return found

    def is_well(self) -> bool:
        """All of it, the clock too."""
        with suppress(httpx.TransportError):
            health = httpx.get(f"{self.address}/health", timeout=60, verify=TLS).json()
            return bool(health["status"] == "ok")
        return False

    def ask_database(self, question: str) -> Any:
        """The first field of the first row of the shop's SQLite file."""
        with closing(sqlite3.connect(self.home / "museo.sqlite3", timeout=60)) as database:
            return database.execute(question).fetchone()[0]


def environment(home: Path, **more: str) -> dict[str, str]:
    """That of somebody who set nothing but the shop's folder."""
    ours = ("DATABASE_URL", "REDIS_URL", "TEST_", "MUSEO_", "DJANGO_", "PYTEST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "MUSEO_HOME": str(home), **more}


def start(home: Path, *options: str, **more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "up", *options],
        cwd=ROOT,
        env=environment(home, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def refusal(home: Path, *options: str, **more: str) -> str:
    """What is said when the shop does not open."""
    process = start(home, "--no-demo", *options, **more)
    said = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 1
    assert "Traceback" not in said
    return said


@contextmanager
def open_shop(
    home: Path, *, is_first: bool = False, demo: bool = False, **more: str
) -> Iterator[OpenShop]:
    """Yield when it says that it is open; closed at the end. The first start makes the tables."""
    if not is_first:
        prepare(home)
    port = free_port()
    options = () if demo else ("--no-demo",)
    process = start(home, *options, "--port", str(port), **more)
    try:
        said = _lines_until_open(process)
        yield OpenShop(f"http://127.0.0.1:{port}", home, process, port, said)
    finally:
        process.terminate()
        process.wait(timeout=60)
        if process.stdout:
            process.stdout.close()


def _lines_until_open(process: subprocess.Popen[bytes]) -> list[str]:
    assert process.stdout
    said: list[str] = []
    for line in process.stdout:
        said.append(line.decode().rstrip())
        if said[-1].startswith("Ctrl-C"):
            return said
    raise AssertionError("the shop did not open: " + "\n".join(said))
