"""What every publisher process does: reads plans from its input, answers how each went.

Only the standard library, as in `plan`.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.live.plan import Plan


@dataclass
class Log:
    """How a plan went: how late each batch was, and how long it took to hand it over, in s."""

    late: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)


def serve(publish: Callable[[Plan, Log], None]) -> None:
    """Say when ready, then carry out a plan for each line, until there are no more."""
    _say({"is_ready": True})
    for line in sys.stdin:
        log, began_at, cpu = Log(), time.monotonic(), _cpu()
        publish(Plan.parse(line), log)
        _say(
            {
                "publishing_seconds": round(time.monotonic() - began_at, 4),
                "publisher_cpu_seconds": round(_cpu() - cpu, 3),
                "late_p99_ms": _milliseconds(log.late, 0.99),
                "handover_p50_ms": _milliseconds(log.took, 0.5),
                "handover_p99_ms": _milliseconds(log.took, 0.99),
            }
        )


def _say(answer: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _milliseconds(values: Sequence[float], share: float) -> float | None:
    if not values:
        return None
    return round(sorted(values)[int((len(values) - 1) * share)] * 1000, 3)
