"""The folder in which the processes of one machine count together (prometheus_client's own way)."""

import shutil
from collections.abc import Mapping
from pathlib import Path

FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def begin(home: Path) -> dict[str, str]:
    """An empty folder, for processes that start now; what they are told of it."""
    folder = home / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return {FOLDER: str(folder)}


def forget(environ: Mapping[str, str], pid: int) -> None:
    """What was true of a process while it lived; what it has counted stays."""
    for file in Path(environ.get(FOLDER, "/nowhere")).glob(f"gauge_live*_{pid}.db"):
        file.unlink(missing_ok=True)
