"""The official conformance suite of MCP, against the shop's own transport."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interop import packages
from tests.interop.programs import run

pytestmark = [pytest.mark.long, pytest.mark.interop]
PROGRAM = "dist/index.js"
RELEASED, NEXT = "@modelcontextprotocol/conformance", "conformance-next"
SCENARIO = re.compile(r"^[✓✗] ([\w-]+): (\d+) passed, (\d+) failed", re.MULTILINE)
# what it runs although a version does not have it yet
UNSCORED = re.compile(r"^  [✓✗] ([\w-]+) \(", re.MULTILINE)


@dataclass(frozen=True)
class Found:
    passed: int
    failed: list[str]


def conformance(address: str, folder: Path, suite: str, *options: str) -> Found:
    """What the suite found, but for what it does not score."""
    command = [*packages.node(suite, PROGRAM), "server"]
    done = run([*command, "--url", f"{address}/mcp-conformance", *options], folder=folder)
    unscored = set(UNSCORED.findall(done.stdout))
    scored = [found for found in SCENARIO.findall(done.stdout) if found[0] not in unscored]
    return Found(
        passed=sum(int(passed) for _name, passed, _failed in scored),
        failed=[name for name, _passed, failed in scored if int(failed)],
    )


@pytest.mark.parametrize(
    ("suite", "options", "passed"),
    [
        (RELEASED, ("--suite", "all"), 44),
        (NEXT, ("--spec-version", "2025-11-25"), 73),
        (NEXT, ("--requirements", "2026-07-28"), 120),
    ],
)
@pytest.mark.parametrize("served_by", ["one uvicorn", "two uvicorns"])
def test_no_requirement_is_missed(
    addresses: dict[str, str],
    tmp_path: Path,
    suite: str,
    options: tuple[str, ...],
    passed: int,
    served_by: str,
) -> None:
    found = conformance(addresses[served_by], tmp_path, suite, *options)

    assert found == Found(passed=passed, failed=[])
