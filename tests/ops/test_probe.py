"""What containers are asked by."""

import os
import time
from pathlib import Path

from museo.ops import probe


def test_a_worker_is_well_until_it_has_done_nothing_for_ten_seconds(tmp_path: Path) -> None:
    pulse = tmp_path / "pulse"
    assert not probe.is_well(str(pulse))

    pulse.touch()
    assert probe.is_well(str(pulse))

    long_ago = time.time() - probe.WORKS_WITHIN
    os.utime(pulse, (long_ago, long_ago))
    assert not probe.is_well(str(pulse))


def test_a_server_that_is_not_there_is_not_well() -> None:
    assert not probe.is_well("http://127.0.0.1:1/healthz")
