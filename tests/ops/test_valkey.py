import shutil
import stat
from pathlib import Path

import pytest

from museo.ops import valkey
from museo.ops.supervisor import Part, Supervisor
from museo.ops.valkey import Bundled
from tests.processes import eventually


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a platform for which there is no build."""
    monkeypatch.setattr(valkey, "_from_wheel", list)


def program(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_it_runs_on_a_private_socket_and_comes_back_after_a_kill(tmp_path: Path) -> None:
    bundled = valkey.bundled(tmp_path)
    assert bundled
    supervisor = Supervisor(logs=tmp_path / "logs", environment={}, say=lambda sentence: None)
    try:
        supervisor.start(Part("valkey", bundled.command), now=0)
        eventually(bundled.answers)
        assert stat.S_IMODE(bundled.socket.stat().st_mode) == 0o700
        assert stat.S_IMODE(bundled.folder.stat().st_mode) == 0o700
    finally:
        supervisor.stop()
    assert not bundled.answers()

    supervisor.start(Part("valkey", bundled.command), now=0)
    try:
        eventually(bundled.answers)
    finally:
        supervisor.stop()


def test_a_server_on_path_serves_where_the_wheel_has_none(
    no_wheel: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = program(tmp_path / "redis-server", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert valkey.server() == found


def test_a_server_that_cannot_run_here_counts_as_none(
    no_wheel: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "valkey-server", "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert valkey.server() is None
    assert valkey.bundled(tmp_path) is None


def test_a_long_path_gets_a_short_socket_that_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 25)
    folder.mkdir()

    path = valkey.socket_path(folder)
    again = valkey.socket_path(folder)

    assert again == path
    assert len(str(path)) < valkey.LONGEST_SOCKET_PATH
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    shutil.rmtree(path.parent)
    assert valkey.socket_path(folder).parent.is_dir()
    shutil.rmtree(valkey.socket_path(folder).parent)


def test_a_socket_folder_that_is_a_link_is_not_trusted(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 25)
    folder.mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    (folder / "socket-folder").write_text(str(tmp_path / "link"))

    path = valkey.socket_path(folder)

    assert path.parent != tmp_path / "link"
    shutil.rmtree(path.parent)


def test_nobody_answers_where_nothing_runs(tmp_path: Path) -> None:
    assert not Bundled(Path("/bin/false"), tmp_path, tmp_path / "none.sock").answers()
