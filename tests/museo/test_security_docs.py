"""What docs/security.md says to be tested is tested."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py|test_\w+)`")


def test_every_test_that_is_named_there_is_there() -> None:
    named = set(NAMED.findall((ROOT / "docs" / "security.md").read_text()))
    tests = "\n".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))

    assert len(named) > 30
    files = {name for name in named if name.startswith("tests/")}
    assert [name for name in sorted(files) if not (ROOT / name).exists()] == []
    assert [name for name in sorted(named - files) if f"def {name}(" not in tests] == []
