"""How the assistant is doing: what its tools and its answers took, and came to.

Counted in two queries over the newest messages and calls, however many there are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from mcp_bridge.assistant import intents
from mcp_bridge.assistant.intents import UNKNOWN
from mcp_bridge.models import Message, ToolRun
from notifications.statistics import percentile

# of each, the newest
MOST_COUNTED = 5000
WELL = ("done", "asked")
# what is one thing, how it ended, and how long it took
Ended = tuple[str, str, datetime, datetime | None]


@dataclass(frozen=True)
class Figure:
    """Of one tool or intent: what half and what 95 of 100 took at most, in seconds."""

    name: str
    count: int
    done: int
    asked: int
    others: Sequence[tuple[str, int]]
    half: float
    most: float


def by_intent(*, since: datetime) -> list[Figure]:
    """The messages that were answered since then, by what was wanted; the most frequent first."""
    rows = Message.objects.filter(at__gte=since, ended_at__isnull=False).order_by("-pk")
    told = rows.values_list("intent", "outcome", "at", "ended_at")[:MOST_COUNTED]
    return _figures((_titled(name), outcome, at, ended_at) for name, outcome, at, ended_at in told)


def by_tool(*, since: datetime) -> list[Figure]:
    """The calls that have ended since then, by tool; the most frequent first."""
    rows = ToolRun.objects.filter(began_at__gte=since, ended_at__isnull=False).order_by("-pk")
    return _figures(rows.values_list("tool", "outcome", "began_at", "ended_at")[:MOST_COUNTED])


def _titled(intent: str) -> str:
    """As people call it; what no sentence was read as is a yes, a no or a form."""
    if known := intents.ALL.get(intent):
        return _(known.title)
    return _("Not understood") if intent == UNKNOWN else _("Yes, no, or a form")


def _figures(ended: Iterable[Ended]) -> list[Figure]:
    seconds: dict[str, list[float]] = defaultdict(list)
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    for name, outcome, began_at, ended_at in ended:
        took = (ended_at or began_at) - began_at
        seconds[name].append(max(0.0, took.total_seconds()))
        outcomes[name][outcome] += 1
    ranked = sorted(seconds, key=lambda name: (-len(seconds[name]), name))
    return [_figure(name, seconds[name], outcomes[name]) for name in ranked]


def _figure(name: str, seconds: Sequence[float], outcomes: Counter[str]) -> Figure:
    return Figure(
        name=name,
        count=len(seconds),
        done=outcomes["done"],
        asked=outcomes["asked"],
        others=[(each, count) for each, count in outcomes.most_common() if each not in WELL],
        half=percentile(seconds, 50),
        most=percentile(seconds, 95),
    )
