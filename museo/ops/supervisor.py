"""Starts the processes of the shop, starts again what ended, stops them all."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from museo import tether
from museo.ops import bell, measuring
from museo.ops.preflight import ROOT
from museo.restarts import Streak

# together well below the promised 3 s
GRACE = 2.0
LAST_GRACE = 0.5


@dataclass(frozen=True)
class Part:
    """One process of the shop; one that the others lean on stops last."""

    name: str
    command: Sequence[str]
    stops_last: bool = False


@dataclass
class _Child:
    part: Part
    process: subprocess.Popen[bytes]
    started_at: float
    # when it is to be started again; None while it runs
    due_at: float | None = None
    streak: Streak = field(default_factory=Streak)


class Supervisor:
    """`now` is `time.monotonic()` throughout."""

    def __init__(
        self, *, logs: Path, environment: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        logs.mkdir(exist_ok=True)
        self._logs = logs
        self._environment = dict(environment)
        self._say = say
        self._children: dict[str, _Child] = {}

    def start(self, part: Part, *, now: float) -> None:
        log = self.log(part.name)
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        # one that an ending hides is stopped by nobody
        with bell.undisturbed():
            self._children[part.name] = _Child(part, self._launch(part), now)

    def tend(self, *, now: float) -> float | None:
        """Start again what is due; return the seconds until something else is, None if nothing."""
        for child in self._children.values():
            if child.due_at is None and child.process.poll() is not None:
                self._bury(child, now)
            if child.due_at is not None and child.due_at <= now:
                self._relaunch(child, now)
        due = [child.due_at for child in self._children.values() if child.due_at is not None]
        return max(min(due) - now, 0.0) if due else None

    def pids(self) -> dict[str, int]:
        """Of what runs."""
        return {
            name: child.process.pid
            for name, child in self._children.items()
            if child.due_at is None
        }

    def broken(self) -> str | None:
        """The name of a process that ends after every start."""
        names = (name for name, child in self._children.items() if child.streak.looks_broken)
        return next(names, None)

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def stop(self) -> None:
        """Ask, wait a little, then kill: nothing is left when this returns."""
        children = self._children.values()
        _end([child for child in children if not child.part.stops_last], grace=GRACE)
        _end([child for child in children if child.part.stops_last], grace=LAST_GRACE)
        self._children.clear()

    def _launch(self, part: Part) -> subprocess.Popen[bytes]:
        tethered = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
        with self.log(part.name).open("ab") as log:
            return subprocess.Popen(  # noqa: S603  our own commands
                [*tethered, *part.command],
                cwd=ROOT,
                env={**self._environment, "MUSEO_PROCESS": part.name},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # a Ctrl-C in the terminal is for the supervisor, who stops them in order
                start_new_session=True,
            )

    def _relaunch(self, child: _Child, now: float) -> None:
        try:
            with bell.undisturbed():
                child.process = self._launch(child.part)
                child.started_at, child.due_at = now, None
        except OSError as problem:
            child.streak = child.streak.after(lived=0.0)
            child.due_at = now + max(child.streak.pause, 1.0)
            self._say(f"{child.part.name} cannot be started: {problem.strerror}. Trying again.")

    def _bury(self, child: _Child, now: float) -> None:
        _kill_group(child.process.pid)
        measuring.forget(self._environment, child.process.pid)
        child.streak = child.streak.after(lived=now - child.started_at)
        child.due_at = now + child.streak.pause
        self._say(self._obituary(child, child.process.returncode))

    def _obituary(self, child: _Child, code: int) -> str:
        name = child.part.name
        if child.streak.looks_broken:
            return (
                f"{name} ends after every start; next try in {child.streak.pause:.0f} s. "
                f"Why, says {self.log(name)}"
            )
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        return f"{name} ended ({how}) and is started again."


def _end(children: Sequence[_Child], *, grace: float) -> None:
    processes = [child.process for child in children]
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + grace
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(deadline - time.monotonic(), 0.0))
    for process in processes:
        _kill_group(process.pid)
        process.wait()


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
