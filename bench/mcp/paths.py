"""What is measured, and what must be reached."""

from __future__ import annotations

from dataclasses import dataclass

from bench.live.report import Target

CONNECTIONS = (16, 64)
PROCESSES = (1, 2)


@dataclass(frozen=True)
class Path:
    name: str
    title: str
    how: str = "calls"


def of_calls(what: str, connections: int) -> str:
    return f"{what}-{connections}"


def of_streams(processes: int) -> str:
    return f"listen-{processes}"


TITLES = {
    "echo": "a tool that answers its own text",
    "search": "20 products by words, of 10,000 on PostgreSQL; `rest` is the same search over REST",
    "track": "`track_order`: how an order stands, by a guest's ticket, on PostgreSQL",
}
PATHS = (
    *(
        Path(of_calls(what, count), f"{title}; {count} connections")
        for what, title in TITLES.items()
        for count in CONNECTIONS
    ),
    *(
        Path(
            of_streams(count),
            f"from the begin of a status change to each listen stream; {count} web process"
            + ("es" if count > 1 else ""),
            how="listen",
        )
        for count in PROCESSES
    ),
)
TARGETS = (
    *(
        Target(of_calls("echo", count), "per_second", bound, peer)
        for count in CONNECTIONS
        for bound, peer in ((0.88, "sdk"), (4, "fastmcp"), (1.2, "typescript"))
    ),
    *(Target(of_calls("search", count), "per_second", 0.5, "rest") for count in CONNECTIONS),
    Target(of_streams(2), "p50_ms", 30, is_most=True),
    Target(of_streams(2), "p99_ms", 250, is_most=True),
    Target(of_streams(2), "arrived_percent", 100),
)
