"""What processes have used, CPU and memory, with all their children; and on which machine."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil


def family(processes: Iterable[psutil.Process]) -> Iterator[psutil.Process]:
    """The processes and all their children; who has gone meanwhile is left out."""
    for process in processes:
        yield process
        with suppress(psutil.NoSuchProcess):
            yield from process.children(recursive=True)


def cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """User and system time, that of children that have ended included."""
    total = 0.0
    for process in family(processes):
        with suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])
    return total


def own_bytes(processes: Iterable[psutil.Process]) -> int:
    """Memory that would be free if they ended (USS)."""
    total = 0
    for process in family(processes):
        with suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().uss
    return total


def resident_bytes(processes: Iterable[psutil.Process]) -> int:
    total = 0
    for process in family(processes):
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total


def machine() -> str:
    """Its processor and cores, for the record."""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line for line in lines if line.startswith("model name")), "")
        name = model.partition(":")[2].strip() or platform.machine()
        return f"{os.cpu_count()} x {name}"
    return f"{os.cpu_count()} x {platform.machine()}"


def about(program: str) -> dict[str, str]:
    """When, where and by which command it is measured, for each row."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "command": " ".join([f"python -m {program}", *sys.argv[1:]]),
    }


def load() -> float:
    """Processes that wanted to run in the last minute, ours and others'."""
    return round(os.getloadavg()[0], 2)
