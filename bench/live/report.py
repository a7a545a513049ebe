"""Medians of the rounds as tables, and how they stand to what must be reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Protocol

from bench.live.runs import Row

STREAM = {
    "per_cpu_second": "deliveries / CPU-s",
    "per_cpu_second_with_backends": "with Redis, DB",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "kb_per_connection": "KB / client",
    "connects_per_second": "connects / s",
}
# of bench.shop
REQUESTS = {
    "per_second": "requests / s",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "cpu_ms": "CPU ms / request",
    "client": "client, of a core",
}
BESIDE = {"times": "x oscar", "times_of_cpu": "x oscar by CPU"}
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "stream": STREAM,
    "hold": {key: STREAM[key] for key in ("kb_per_connection", "connects_per_second")},
    "storm": {
        "back_seconds": "all open again, s",
        "caught_up_seconds": "all caught up, s",
        "queries": "queries",
        "kb_per_connection": "KB / client",
        "connects_per_second": "connects / s",
    },
    "slow": {"grown_mb": "grown, MB", "grown_own_mb": "of its own, MB"},
    "requests": {**REQUESTS, **BESIDE},
    # of bench.mcp
    "calls": REQUESTS,
    "listen": {
        "arrived_percent": "arrived, %",
        "p50_ms": STREAM["p50_ms"],
        "p99_ms": STREAM["p99_ms"],
        "connects_per_second": STREAM["connects_per_second"],
    },
    "race": {
        **REQUESTS,
        **BESIDE,
        "few_per_second": "orders / s of too few",
        "oversold": "sold too many",
    },
    "growth": REQUESTS,
}
STOCK = "channels-"


class Pattern(Protocol):
    """What was run; `how` names its COLUMNS."""

    @property
    def name(self) -> str: ...
    @property
    def how(self) -> str: ...
    @property
    def title(self) -> str: ...


@dataclass(frozen=True)
class Medians:
    """A server's rounds of a pattern: only those with right answers make its figures."""

    server: str
    right: int
    rounds: int
    problem: str
    values: Mapping[str, float]


def medians(rows: Sequence[Row], pattern: Pattern) -> list[Medians]:
    servers = dict.fromkeys(row["server"] for row in rows if row["pattern"] == pattern.name)
    return [_median_of(rows, pattern, server) for server in servers]


def _median_of(rows: Sequence[Row], pattern: Pattern, server: str) -> Medians:
    own = [row for row in rows if (row["pattern"], row["server"]) == (pattern.name, server)]
    right = [row for row in own if not row["problem"]]
    keys = COLUMNS[pattern.how]
    return Medians(
        server,
        right=len(right),
        rounds=len(own),
        problem=next((row["problem"] for row in own if row["problem"]), ""),
        values={
            key: median(row[key] for row in right)
            for key in keys
            if right and all(key in row for row in right)
        },
    )


def table(found: Iterable[Medians], pattern: Pattern) -> str:
    """In Markdown."""
    columns = COLUMNS[pattern.how]
    lines = [
        f"### {pattern.name}",
        "",
        f"{pattern.title[0].upper()}{pattern.title[1:]}.",
        "",
        _line(["server", "right answers", *columns.values()]),
        _line(["---"] * (len(columns) + 2)),
    ]
    for each in found:
        cells = [_figure(each.values.get(key)) for key in columns]
        lines.append(_line([each.server, _answers(each), *cells]))
    return "\n".join([*lines, ""])


def _answers(each: Medians) -> str:
    if each.right == each.rounds:
        return "all"
    failed = f"FAILED: {each.problem}"
    return failed if not each.right else f"{each.right} of {each.rounds}; {failed}"


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


@dataclass(frozen=True)
class Target:
    """What Museo must reach in a pattern: a value, or a ratio to peers whose name begins so."""

    pattern: str
    key: str
    bound: float
    peers: str = ""
    is_most: bool = False
    server: str = "museo"

    @property
    def says(self) -> str:
        sign = "≤" if self.is_most else "≥"
        times = "x" if self.peers else ""
        beside = f" of {self.peers.rstrip('-')}" if self.peers else ""
        what = _headings()[self.key]
        who = "" if self.server == "museo" else f" ({self.server})"
        return f"{self.pattern}{who}: {what} {sign} {self.bound:g}{times}{beside}"


TARGETS = (
    Target("paced", "per_cpu_second", 0.85, "nchan"),
    Target("paced", "per_cpu_second", 5, "eventstream"),
    Target("paced", "per_cpu_second", 10, STOCK),
    Target("burst", "per_cpu_second", 8, "nchan"),
    Target("bulk", "per_cpu_second", 8, "nchan"),
    Target("ws-burst", "per_cpu_second", 1, "nchan"),
    Target("own", "p50_ms", 5, is_most=True),
    Target("own", "p99_ms", 25, is_most=True),
    Target("hold-sse", "kb_per_connection", 16, is_most=True),
    Target("hold-ws", "kb_per_connection", 26, is_most=True),
    Target("storm", "caught_up_seconds", 8, is_most=True),
    Target("storm", "queries", 200, is_most=True),
    Target("slow", "grown_mb", 1, is_most=True),
)


def verdicts(found: Mapping[str, Sequence[Medians]], targets: Sequence[Target] = TARGETS) -> str:
    """Each target with what was reached, in Markdown."""
    lines = ["### Must reach", "", _line(["what", "reached", ""]), _line(["---"] * 3)]
    for target in targets:
        if target.pattern in found:
            reached = _reached(target, found[target.pattern])
            lines.append(_line([target.says, _said(target, reached), _verdict(target, reached)]))
    return "\n".join([*lines, ""])


def _reached(target: Target, found: Sequence[Medians]) -> float | None:
    values = {each.server: each.values.get(target.key) for each in found}
    own = values.get(target.server)
    if own is None or not target.peers:
        return own
    # the best of them
    beside = [value for name, value in values.items() if name.startswith(target.peers) and value]
    return own / max(beside) if beside else None


def _said(target: Target, reached: float | None) -> str:
    if reached is None:
        return "-"
    return f"{reached:.2f}x" if target.peers else _figure(reached)


def _verdict(target: Target, reached: float | None) -> str:
    if reached is None:
        return "not measured: one of them gave wrong answers or did not take part"
    is_reached = reached <= target.bound if target.is_most else reached >= target.bound
    return "yes" if is_reached else "**no**"


def _headings() -> dict[str, str]:
    return {key: name for columns in COLUMNS.values() for key, name in columns.items()}


def line(row: Mapping[str, Any]) -> str:
    """A run in one line, for who waits."""
    told = {key: name for key, name in _headings().items() if row.get(key, -1) >= 0}
    said = ", ".join(f"{name} {_figure(row[key])}" for key, name in told.items())
    return f"{row['pattern']:9} {row['server']:24} {row['problem'] or 'right'}; {said}"
