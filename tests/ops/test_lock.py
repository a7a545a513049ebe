import os
import subprocess
import sys
from pathlib import Path

import pytest

from museo.ops import lock
from museo.ops.lock import AlreadyRuns, Holder


def test_a_second_shop_in_the_folder_is_told_where_the_first_is(tmp_path: Path) -> None:
    with lock.hold(tmp_path) as held:
        held.write(Holder(4711, "http://127.0.0.1:8123"))

        with pytest.raises(AlreadyRuns) as refused, lock.hold(tmp_path):
            pass

    assert "http://127.0.0.1:8123" in str(refused.value)
    assert "kill 4711" in str(refused.value)


def test_the_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    with lock.hold(tmp_path):
        pass

    with lock.hold(tmp_path):
        pass


def test_what_a_killed_shop_left_running_is_cleared_away(tmp_path: Path) -> None:
    left = _start_leader()
    with lock.hold(tmp_path) as held:
        held.write(Holder(4711, "http://127.0.0.1:8123", {left.pid: lock.birth(left.pid) or ""}))

    with lock.hold(tmp_path):
        assert left.wait(timeout=60) == -9


def test_a_stranger_with_the_same_number_is_left_alone(tmp_path: Path) -> None:
    stranger = _start_leader()
    with lock.hold(tmp_path) as held:
        held.write(Holder(4711, "http://127.0.0.1:8123", {stranger.pid: "born at another time"}))

    with lock.hold(tmp_path):
        assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


@pytest.mark.parametrize(
    "content", ["", "no json", "[]", '{"pid": 1}', '{"pid": 1, "children": 5}']
)
def test_a_damaged_lock_file_hinders_nobody(tmp_path: Path, content: str) -> None:
    (tmp_path / "up.lock").write_text(content)

    with lock.hold(tmp_path), pytest.raises(AlreadyRuns), lock.hold(tmp_path):
        pass


def test_no_process_has_no_birth() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    assert lock.birth(ended.pid) is None
    assert lock.birth(os.getpid())


def _start_leader() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True
    )
