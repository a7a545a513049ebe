"""What must be true before anything is installed or started.

Standard library only: `scripts/run` and `scripts/test` ask here while there is no `.venv` yet.
"""

import argparse
import errno
import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from museo.ops import lock

ROOT = Path(__file__).resolve().parents[2]
MEGABYTE = 1_000_000
# what a fresh environment and a fresh shop take, with some air
ROOM_FOR_PACKAGES = {"core": 450 * MEGABYTE, "ai": 100 * MEGABYTE, "dev": 1000 * MEGABYTE}
ROOM_FOR_THE_SHOP = 200 * MEGABYTE


class CannotStart(Exception):
    """Says in a sentence what is in the way and what to do about it."""


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of everything that Museo writes; `museo.settings` has the same default."""
    return Path(environ.get("MUSEO_HOME", "").strip() or ROOT / "var").expanduser().resolve()


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The options that `scripts/run` and `manage.py up` have in common."""
    port = os.environ.get("API_PORT", "").strip() or "8000"
    parser.add_argument("--port", type=int, default=port, help=f"where the shop listens ({port})")
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to listen at (127.0.0.1: this machine)"
    )
    parser.add_argument(
        "--speed",
        type=_speed,
        help="how fast the shop's clock runs (60, as in the demo: an order takes 12 seconds; "
        "1, as with --no-demo: as in life)",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="begin anew: delete what Museo keeps in its folder"
    )
    parser.add_argument(
        "--no-demo",
        action="store_true",
        help="open without the demo products and orders, and with a clock as in life; a shop that "
        "was opened so stays so",
    )


def _speed(word: str) -> float:
    try:
        speed = float(word)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise argparse.ArgumentTypeError(f"{word} is no speed; write a number above 0, such as 60")
    return speed


def require_port(host: str, port: int) -> None:
    if not 0 < port < 65536:
        raise CannotStart(f"{port} is no port; give one from 1 to 65535, such as --port 8000.")
    try:
        family, _kind, _protocol, _name, address = socket.getaddrinfo(host, port)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # a connection that ended a moment ago does not hold the port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as problem:
        raise CannotStart(_port_trouble(host, port, problem)) from problem


def _port_trouble(host: str, port: int, problem: OSError) -> str:
    if problem.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is taken by another program. "
            f"Give another one: scripts/run --port {port % 65535 + 1}"
        )
    if problem.errno == errno.EACCES:
        return f"Port {port} is for root only. Give one above 1023: scripts/run --port 8000"
    return f"{host} is no address of this machine; leave --host out to listen at 127.0.0.1."


def require_room(folder: Path, needed: int, *, free: int | None = None) -> None:
    """`free` bytes are asked of the disk that holds `folder`, if they are not given."""
    if free is None:
        free = shutil.disk_usage(_existing(folder)).free
    if free < needed:
        raise CannotStart(
            f"The disk is full: {folder} has {free // MEGABYTE} MB left and Museo needs "
            f"{needed // MEGABYTE} MB there. Free some, or use another disk."
        )


def _existing(folder: Path) -> Path:
    return next(part for part in (folder, *folder.parents) if part.exists())


def require_venv(
    *,
    has_uv: bool,
    find: Callable[[str], object | None] = importlib.util.find_spec,
) -> None:
    if not has_uv and not (find("venv") and find("ensurepip")):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise CannotStart(
            f"Python {version} came without its venv module. On Debian and Ubuntu: "
            f"apt-get install python{version}-venv"
        )


def require_alone(folder: Path) -> None:
    try:
        # no folder, nobody in it
        with suppress(FileNotFoundError), lock.hold(folder):
            pass
    except lock.AlreadyRuns as problem:
        raise CannotStart(str(problem)) from problem


def before_start(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/run",
        description="Opens the shop: packages, database, demo products and all processes.",
        epilog="Example: scripts/run --port 8123 --speed 60",
    )
    add_run_options(parser)
    options = parser.parse_args(arguments)
    folder = home()
    require_alone(folder)
    require_port(options.host, options.port)
    require_room(folder, ROOM_FOR_THE_SHOP)


def before_install(arguments: Sequence[str]) -> None:
    (packages,) = arguments
    require_venv(has_uv=shutil.which("uv") is not None)
    require_room(ROOT, ROOM_FOR_PACKAGES[packages])


if __name__ == "__main__":
    _script, moment, *rest = sys.argv
    try:
        {"start": before_start, "install": before_install}[moment](rest)
    except CannotStart as problem:
        sys.exit(f"museo: {problem}")
