"""Running a program of others to its end."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# much longer than it takes, for a machine that is busy
WITHIN = 120


def run(
    command: Sequence[str | Path], *, folder: Path, within: float = WITHIN
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, timeout=within, capture_output=True, text=True, check=False
    )


def said(command: Sequence[str | Path], *, folder: Path) -> Any:
    """What the program has said, which is JSON; fail if it failed."""
    done = run(command, folder=folder)
    assert done.returncode == 0, done.stderr[-2000:] or done.stdout[-2000:]
    return json.loads(done.stdout)
