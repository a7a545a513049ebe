"""Programs of others that speak MCP, in `var/interop` and nowhere else.

npm brings them, and with them a Node that is new enough; what runs is what the lock file names.
"""

import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
CACHE = ROOT / "var" / "interop"
PINS = (HERE / "package.json", HERE / "package-lock.json")
REQUIREMENTS = HERE / "requirements.txt"
INSTALLED_WITHIN = 900


@cache
def modules() -> Path:
    """The folder of npm's packages, made anew when the pins have changed."""

    def install() -> None:
        for pins in PINS:
            shutil.copy(pins, CACHE)
        npm = shutil.which("npm")
        assert npm, "this needs npm: apt-get install npm"
        options = ("--no-audit", "--no-fund", "--loglevel=error")
        _run([npm, "ci", *options])

    _made("npm", PINS, install)
    return CACHE / "node_modules"


@cache
def python() -> Path:
    """The Python of an environment of its own, with fastmcp."""
    folder = CACHE / "python"

    def install() -> None:
        venv.create(folder, clear=True, with_pip=True)
        _run([folder / "bin" / "python", "-m", "pip", "install", "-q", "-r", REQUIREMENTS])

    _made("python", (REQUIREMENTS,), install)
    return folder / "bin" / "python"


def node(package: str, program: str) -> list[str]:
    """The command that runs a program of a package."""
    return [str(modules() / ".bin" / "node"), str(modules() / package / program)]


def script(path: Path) -> list[str]:
    """The command that runs a script; its imports are looked for beside the copy that runs."""
    copies = CACHE / "scripts"
    # with what lies beside it
    shutil.copytree(path.parent, copies / path.parent.name, dirs_exist_ok=True)
    return [str(modules() / ".bin" / "node"), str(copies / path.parent.name / path.name)]


def _made(what: str, pins: Sequence[Path], install: Callable[[], None]) -> None:
    wanted = "".join(path.read_text() for path in pins)
    made_from = CACHE / f"{what}-made-from"
    if made_from.exists() and made_from.read_text() == wanted:
        return
    sys.stderr.write(f"Installing packages of others into {CACHE.relative_to(ROOT)} ({what})\n")
    CACHE.mkdir(parents=True, exist_ok=True)
    made_from.unlink(missing_ok=True)
    install()
    made_from.write_text(wanted)


def _run(command: Sequence[str | Path]) -> None:
    subprocess.run(command, cwd=CACHE, check=True, timeout=INSTALLED_WITHIN)
