"""The supervisor with small real processes; `now` is handed in."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest

from museo.ops.bell import Bell
from museo.ops.supervisor import GRACE, LAST_GRACE, Part, Supervisor
from tests.processes import eventually

LASTING = (sys.executable, "-c", "import time; time.sleep(60)")
STUBBORN = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('deaf', flush=True); time.sleep(60)",
)
BRIEF = (sys.executable, "-c", "import sys; print('why it ends'); sys.exit(3)")
WITH_A_CHILD = (
    sys.executable,
    "-c",
    "import subprocess, sys, time; "
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
    "print(child.pid, flush=True); time.sleep(60)",
)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    supervisor = Supervisor(logs=tmp_path, environment=os.environ, say=said.append)
    yield supervisor
    supervisor.stop()


def wait_for_end(pid: int) -> None:
    """Leaves it to the supervisor to take note of it."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_killed_process_is_started_again_at_once(supervisor: Supervisor, said: list[str]) -> None:
    supervisor.start(Part("web", LASTING), now=0)
    first = supervisor.pids()["web"]

    os.kill(first, signal.SIGKILL)
    wait_for_end(first)
    due_in = supervisor.tend(now=100)

    assert due_in is None
    assert supervisor.pids()["web"] != first
    assert said == ["web ended (killed by signal 9) and is started again."]


def test_a_process_that_keeps_ending_waits_for_its_pause_and_says_where_its_log_is(
    supervisor: Supervisor, said: list[str]
) -> None:
    supervisor.start(Part("web", BRIEF), now=0)
    for _ in range(3):
        wait_for_end(supervisor.pids()["web"])
        due_in = supervisor.tend(now=10)
        if due_in:
            assert supervisor.pids() == {}
            supervisor.tend(now=10 + due_in)

    wait_for_end(supervisor.pids()["web"])
    supervisor.tend(now=11)

    assert supervisor.broken() == "web"
    assert str(supervisor.log("web")) in said[-1]
    assert "why it ends" in supervisor.log("web").read_text()


def test_a_process_that_is_not_due_is_left_alone(supervisor: Supervisor) -> None:
    supervisor.start(Part("web", BRIEF), now=0)
    for now in (0.1, 0.2):
        wait_for_end(supervisor.pids()["web"])
        supervisor.tend(now=now)

    assert supervisor.tend(now=0.5) == pytest.approx(0.7)
    assert supervisor.pids() == {}
    assert supervisor.tend(now=1.2) is None
    assert supervisor.pids()


def test_stop_leaves_nothing_not_even_the_deaf_and_their_children(
    supervisor: Supervisor,
) -> None:
    for name, command in {"deaf": STUBBORN, "family": WITH_A_CHILD, "calm": LASTING}.items():
        supervisor.start(Part(name, command, stops_last=name == "calm"), now=0)
    logs = [supervisor.log(name) for name in ("deaf", "family")]
    eventually(lambda: all(log.read_text().endswith("\n") for log in logs))
    pids = [*supervisor.pids().values(), int(supervisor.log("family").read_text())]

    supervisor.stop()

    eventually(lambda: all(map(is_gone, pids)), seconds=60)
    assert supervisor.pids() == {}


def test_the_deaf_cannot_hold_up_the_end_beyond_three_seconds() -> None:
    assert GRACE + LAST_GRACE < 3


def test_what_a_killed_process_had_started_does_not_outlive_it(supervisor: Supervisor) -> None:
    supervisor.start(Part("clock", WITH_A_CHILD), now=0)
    log, leader = supervisor.log("clock"), supervisor.pids()["clock"]
    eventually(lambda: log.read_text().endswith("\n"))
    child = int(log.read_text())

    os.kill(leader, signal.SIGKILL)
    wait_for_end(leader)
    supervisor.tend(now=1)

    eventually(lambda: is_gone(child), seconds=60)


def test_the_last_run_keeps_its_log(supervisor: Supervisor, tmp_path: Path) -> None:
    (tmp_path / "web.log").write_text("of yesterday")

    supervisor.start(Part("web", LASTING), now=0)

    assert (tmp_path / "web.log.1").read_text() == "of yesterday"
    assert (tmp_path / "web.log").read_text() == ""


def test_a_full_disk_at_a_restart_is_said_and_tried_again(
    supervisor: Supervisor, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor.start(Part("web", LASTING), now=0)
    pid = supervisor.pids()["web"]
    os.kill(pid, signal.SIGKILL)
    wait_for_end(pid)

    with monkeypatch.context() as full:
        full.setattr(Path, "open", _no_space)
        assert supervisor.tend(now=100) == 1

    assert said[-1] == "web cannot be started: No space left on device. Trying again."
    assert supervisor.tend(now=101) is None
    assert supervisor.pids()


class Interrupted(subprocess.Popen[bytes]):
    """Somebody ends the supervisor when the process is there and nobody knows of it yet."""

    begun: ClassVar[list[subprocess.Popen[bytes]]] = []

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.begun.append(self)
        os.kill(os.getpid(), signal.SIGTERM)


def is_stopped_when_it_was_just_begun(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> bool:
    monkeypatch.setattr("museo.ops.supervisor.subprocess.Popen", Interrupted)
    with Bell() as bell:
        with pytest.raises(KeyboardInterrupt):
            supervisor.start(Part("work", LASTING), now=0)
        bell.silence()
        supervisor.stop()
    begun = Interrupted.begun.pop()
    is_stopped = begun.poll() is not None
    begun.kill()
    begun.wait()
    return is_stopped


def test_what_is_just_begun_when_all_ends_is_stopped_too(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_stopped_when_it_was_just_begun(supervisor, monkeypatch)


def test_disturbed_it_would_go_on(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("museo.ops.bell.undisturbed", nullcontext)

    assert not is_stopped_when_it_was_just_begun(supervisor, monkeypatch)


def test_the_bell_rings_when_a_child_ends(supervisor: Supervisor) -> None:
    with Bell() as bell:
        supervisor.start(Part("web", BRIEF), now=0)
        bell.wait(5)
        supervisor.tend(now=1)

    assert supervisor.pids()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_endings_interrupt_until_one_is_under_way(number: signal.Signals) -> None:
    with Bell() as bell:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)

        bell.silence()
        os.kill(os.getpid(), number)


def _no_space(*_arguments: object, **_options: object) -> None:
    raise OSError(28, "No space left on device")
