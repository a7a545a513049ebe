"""One shop at a time in a folder: the lock, who holds it, what a killed holder left behind.

Standard library only, see `museo.ops.preflight`.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO


class AlreadyRuns(Exception):
    """Another shop has this folder."""


@dataclass(frozen=True)
class Holder:
    pid: int
    address: str
    # process number -> `birth`
    children: dict[int, str] = field(default_factory=dict)


class Lock:
    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, holder: Holder) -> None:
        self._file.seek(0)
        self._file.truncate()
        json.dump(asdict(holder), self._file)
        self._file.flush()


@contextmanager
def hold(folder: Path) -> Iterator[Lock]:
    """Have `folder` alone, free of what an earlier holder left running."""
    with (folder / "up.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise AlreadyRuns(_who_is_there(folder)) from problem
        before = _read(folder)
        if before:
            clear_away(before.children)
        yield Lock(file)


def birth(pid: int) -> str | None:
    """What tells a process from a later one with the same number; None if there is none."""
    try:
        if sys.platform == "linux":
            # the 22nd field; the name before it may hold anything, but ends with the last ')'
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        asked = ["/bin/ps", "-o", "lstart=", "-p", str(pid)]
        return subprocess.run(asked, capture_output=True, text=True).stdout.strip() or None  # noqa: S603
    except OSError:
        return None


def clear_away(children: Mapping[int, str]) -> None:
    """Kill those that are still the processes they were; each leads a group of its own."""
    for pid, born in children.items():
        if birth(pid) == born:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)


def _read(folder: Path) -> Holder | None:
    try:
        told = json.loads((folder / "up.lock").read_text())
        children = {int(pid): str(born) for pid, born in told["children"].items()}
        return Holder(int(told["pid"]), str(told["address"]), children)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _who_is_there(folder: Path) -> str:
    holder = _read(folder)
    if not holder:
        return f"Museo already runs in {folder}. Use it or stop it."
    return (
        f"Museo already runs in {folder}, at {holder.address}. Use it, stop it "
        f"(kill {holder.pid}), or give the new one a folder of its own: MUSEO_HOME=/another/folder"
    )
