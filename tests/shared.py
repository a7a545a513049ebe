"""What several runs of pytest need once: the first makes it, the others wait for it."""

import atexit
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
# the folder of what all lanes of a whole run share
SHARED = "TEST_SHARED"
# the database that they copy, in a PostgreSQL of their own; one that is given has none
TEMPLATE = "TEST_TEMPLATE"


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """The file or folder of this name; `make` is told where it shall be."""
    folder = _folder()
    made, is_made = folder / name, folder / f"{name}-is-made"
    with (folder / f"{name}-lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not is_made.exists():
            make(made)
            is_made.touch()
    return made


def manage(*arguments: str, home: Path, database_url: str = "") -> None:
    """Run a command of manage.py in a process of its own, on a shop in a folder of its own."""
    own = {"MUSEO_HOME": str(home), "DATABASE_URL": database_url, "REDIS_URL": ""}
    subprocess.run(
        [sys.executable, "manage.py", *arguments, "--verbosity=0"],
        cwd=ROOT,
        env={**os.environ, **own},
        check=True,
    )


@cache
def _folder() -> Path:
    folder = Path(os.environ.get(SHARED) or tempfile.mkdtemp(prefix="museo-prepared-"))
    if SHARED not in os.environ:
        atexit.register(shutil.rmtree, folder)
    folder.mkdir(exist_ok=True)
    return folder
