"""What containers are asked by."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from museo.ops import probe
from museo.ops.preflight import ROOT
from tests.clients.orders import Desk


def test_a_worker_is_well_until_it_has_done_nothing_for_ten_seconds(tmp_path: Path) -> None:
    pulse = tmp_path / "pulse"
    assert not probe.is_well(str(pulse))

    pulse.touch()
    assert probe.is_well(str(pulse))

    long_ago = time.time() - probe.WORKS_WITHIN
    os.utime(pulse, (long_ago, long_ago))
    assert not probe.is_well(str(pulse))


@pytest.mark.parametrize(("path", "code"), [("/healthz", 0), ("/nowhere", 1)])
def test_a_server_is_asked_by_a_program_of_its_own(calm: Desk, path: str, code: int) -> None:
    command = [sys.executable, "-m", "museo.ops.probe", f"{calm.shop.address}{path}"]

    assert subprocess.run(command, cwd=ROOT, timeout=60).returncode == code


def test_a_server_that_is_not_there_is_not_well() -> None:
    assert not probe.is_well("http://127.0.0.1:1/healthz")
