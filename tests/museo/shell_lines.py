"""What README and docs/ tell people to type."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent

from museo.ops.preflight import ROOT

FILES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = {path: path.read_text() for path in FILES if path.name != "CHANGELOG.md"}
# also those in a list, which are indented
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
# what a fence without a language begins with, if it is for a shell
PROGRAMS = r"(\.venv/bin/python|cd|cp|curl|docker|for|manage\.py|python|scripts/\w+|shop=|\w+=\S+ )"


@dataclass(frozen=True)
class Listing:
    page: str
    # where it begins
    line: int
    script: str

    def statements(self) -> Iterator[str]:
        """The pieces that each are shell, as a person would enter them one after the other."""
        piece = ""
        for line in self.script.splitlines(keepends=True):
            piece += line
            if is_shell(piece):
                yield piece.strip()
                piece = ""
        assert not piece, f"{self.page}: {piece}"


def listings() -> Iterator[Listing]:
    for path, text in TEXTS.items():
        for fence in FENCE.finditer(text):
            language, script = fence.groups()
            if language in ("bash", "sh") or (not language and re.match(PROGRAMS, script)):
                line = text.count("\n", 0, fence.start(2)) + 1
                yield Listing(str(path.relative_to(ROOT)), line, dedent(script))


def is_shell(script: str) -> bool:
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    return done.returncode == 0
