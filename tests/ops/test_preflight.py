import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from museo.ops import lock, preflight
from museo.ops.preflight import MEGABYTE, ROOT, CannotStart
from tests.ops.running import environment
from tests.shops import free_port

TOOLS = ("dirname", "cksum", "cut", "rm")


def test_a_taken_port_is_said_with_another_to_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(CannotStart, match=f"Port {port} is taken .* --port {port + 1}"):
            preflight.require_port("127.0.0.1", port)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_number_that_is_no_port_is_said(port: int) -> None:
    with pytest.raises(CannotStart, match=f"{port} is no port"):
        preflight.require_port("127.0.0.1", port)


@pytest.mark.parametrize("host", ["203.0.113.7", "no.such.host.invalid"])
def test_an_address_of_another_machine_is_said(host: str) -> None:
    with pytest.raises(CannotStart, match="no address of this machine"):
        preflight.require_port(host, 8000)


def test_a_full_disk_is_said_with_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="3 MB left and Museo needs 200 MB"):
        preflight.require_room(tmp_path / "not" / "yet", 200 * MEGABYTE, free=3 * MEGABYTE)


def test_a_disk_with_room_is_fine(tmp_path: Path) -> None:
    preflight.require_room(tmp_path, 200 * MEGABYTE, free=200 * MEGABYTE)
    preflight.require_room(tmp_path / "not" / "yet", 1)


def test_a_python_without_venv_is_said_with_the_package_to_install() -> None:
    with pytest.raises(CannotStart, match=r"apt-get install python3\.\d+-venv"):
        preflight.require_venv(has_uv=False, find=lambda name: None)


def test_uv_needs_no_venv_module() -> None:
    preflight.require_venv(has_uv=True, find=lambda name: None)


@pytest.mark.parametrize(
    "wrong", [["--port", "http"], ["--speed", "0"], ["--speed", "x"], ["--nothing"]]
)
def test_a_wrong_option_is_said_before_anything_is_installed(wrong: list[str]) -> None:
    asked = _preflight("start", *wrong)

    assert asked.returncode == 2
    assert "usage: scripts/run" in asked.stderr


def test_the_script_asks_for_the_port_before_anything_else(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        asked = _preflight("start", "--port", str(other.getsockname()[1]), MUSEO_HOME=str(tmp_path))

    assert asked.returncode == 1
    assert asked.stderr.startswith("museo: Port ")
    assert asked.stderr.count("\n") == 1


def test_the_script_sees_another_shop_in_the_folder(tmp_path: Path) -> None:
    with lock.hold(tmp_path):
        asked = _preflight("start", "--port", str(free_port()), MUSEO_HOME=str(tmp_path))

    assert asked.returncode == 1
    assert asked.stderr.startswith("museo: Museo already runs in ")


def test_a_python_that_is_too_old_is_said_in_a_sentence(tmp_path: Path) -> None:
    _fake_path(tmp_path, python="exit 1")

    asked = _script(tmp_path)

    assert asked.returncode == 1
    assert asked.stderr.startswith("museo: Museo needs Python 3.11 or newer.")
    assert asked.stderr.count("\n") == 1


def test_a_named_python_that_is_too_old_is_named(tmp_path: Path) -> None:
    _fake_path(tmp_path, python=f'exec {sys.executable} "$@"')

    asked = _script(tmp_path, PYTHON="/bin/false")

    assert asked.returncode == 1
    assert "and /bin/false is not that" in asked.stderr


def test_the_script_has_help(tmp_path: Path) -> None:
    _fake_path(tmp_path, python=f'exec {sys.executable} "$@"')

    asked = _script(tmp_path, "--help")

    assert asked.returncode == 0
    assert "Example: scripts/run --port 8123 --speed 60" in asked.stdout


def _preflight(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    # without the site's packages, as on a machine that has none of them
    command = [sys.executable, "-S", "-m", "museo.ops.preflight", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **more}, capture_output=True, text=True
    )


def _script(path: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", "scripts/run", *arguments],
        cwd=ROOT,
        env={**environment(path / "home"), "PATH": str(path), **more},
        capture_output=True,
        text=True,
    )


def _fake_path(folder: Path, *, python: str) -> None:
    for tool in TOOLS:
        (folder / tool).symlink_to(shutil.which(tool) or tool)
    (folder / "python3").write_text(f"#!/bin/sh\n{python}\n")
    (folder / "python3").chmod(0o755)
