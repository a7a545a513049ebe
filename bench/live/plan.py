"""What a run publishes, and when: the same for every server.

Only the standard library: publishers run in the peers' own environment, too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

STATUSES = ("confirmed", "preparing", "out_for_delivery", "delivered")


@dataclass(frozen=True)
class Plan:
    """`events` in all, in turn on `topics` topics; one topic is the one that everybody follows."""

    topics: int
    events: int
    # 0: as fast as can be
    per_second: float = 0.0
    # how many are told in one change, where a server knows such a thing
    at_once: int = 1
    # the number of each topic's first event
    first: int = 1
    # bytes of padding in each event
    padding: int = 0
    # the shop's own clock moves orders that are due together
    is_tick: bool = False
    # which share of how many this publisher takes
    share: int = 0
    shares: int = 1

    @classmethod
    def parse(cls, line: str) -> Plan:
        return cls(**json.loads(line))

    def line(self) -> str:
        return json.dumps(asdict(self)) + "\n"

    @property
    def last(self) -> int:
        """The number of each topic's last event."""
        return self.first + self.events // self.topics - 1


@dataclass(frozen=True)
class Published:
    """One event to publish: on which topic, and its number there."""

    topic: int
    number: int


def batches(plan: Plan, *, late: list[float] | None = None) -> Iterator[list[Published]]:
    """What to publish next, each batch when it is due; `late` gets how late each was, in s."""
    began_at = time.monotonic()
    for first in range(plan.share * plan.at_once, plan.events, plan.shares * plan.at_once):
        if plan.per_second:
            due_at = began_at + first / plan.per_second
            time.sleep(max(0.0, due_at - time.monotonic()))
            if late is not None:
                late.append(time.monotonic() - due_at)
        indexes = range(first, min(first + plan.at_once, plan.events))
        yield [Published(i % plan.topics, plan.first + i // plan.topics) for i in indexes]


def channel(topic: int, plan: Plan) -> str:
    """A peer's name of a topic."""
    return "all" if plan.topics == 1 else f"order-{topic}"


def stamp(number: int) -> str:
    """What the client reads of each event: when it was sent, and its number."""
    return f"bench@{time.monotonic_ns()}.{number}"


def order_facts(published: Published, padding: int = 0) -> dict[str, object]:
    """The data of an order's event, as Museo's log keeps it."""
    number = f"ORD-{published.topic:08d}"
    facts = {
        "order_id": number,
        "status": STATUSES[published.number % len(STATUSES)],
        "eta": "2026-11-20T20:22:00.123Z",
        "step": published.number % len(STATUSES),
        "steps": 4,
        "late": False,
        "stamp": stamp(published.number),
    }
    return {**facts, "padding": "x" * padding} if padding else facts


def envelope(published: Published, padding: int = 0) -> str:
    """The same JSON that Museo's clients get, for peers, which have none of their own."""
    data = order_facts(published, padding)
    told = {
        "id": f"evt_{published.topic:016x}{published.number:016x}",
        "type": f"order.{data['status']}",
        "timestamp": "2026-11-20T20:10:00.123Z",
        "topic": f"order.{data['order_id']}",
        "position": 100_000 + published.number,
        "version": published.number,
        "data": {**data, "status_message": "Your order is on its way to you."},
    }
    return json.dumps(told, separators=(",", ":"))
