"""How servers are put to work: who connects, what is published, how fast."""

from __future__ import annotations

from dataclasses import dataclass

from bench.live.plan import Plan

# of an event without padding
PLAIN_BYTES = 400


@dataclass(frozen=True)
class Pattern:
    """`how` names the function of `runs` that carries it out."""

    name: str
    says: str
    kind: str
    clients: int
    plan: Plan
    # for servers that cannot take the plan's events within a minute
    plan_for_slow: Plan | None = None
    how: str = "stream"
    publishers: int = 1
    # None: every server that speaks the kind
    only: tuple[str, ...] | None = None
    rounds: int = 3
    # between an opening or a burst and a measurement, for what is still under way
    settles_in: float = 1.0
    # how long a server may say nothing before what is missing counts as lost
    idle: float = 8.0

    @property
    def title(self) -> str:
        size = self.plan.events * (self.plan.padding + PLAIN_BYTES) / 1_000_000
        return self.says.format(clients=self.clients, rate=self.plan.per_second, megabytes=size)

    def plan_for(self, *, is_slow: bool) -> Plan:
        return self.plan_for_slow if is_slow and self.plan_for_slow else self.plan


# who takes part in the quick form
ONE_OF_EACH = ("museo", "nchan", "eventstream", "channels-pubsub-uvicorn")
ALL_KINDS = (*ONE_OF_EACH, "channels-core-uvicorn", "channels-core-daphne")


def full() -> list[Pattern]:
    return [
        Pattern(
            "paced",
            "{clients:,} SSE clients follow one topic, {rate:g} events a second",
            "sse",
            clients=1000,
            plan=Plan(topics=1, events=120, per_second=15),
        ),
        Pattern(
            "burst",
            "{clients:,} SSE clients follow one topic; events as fast as they can be published, "
            "in Museo each in a change of its own",
            "sse",
            clients=1000,
            plan=Plan(topics=1, events=2000),
            plan_for_slow=Plan(topics=1, events=50),
        ),
        Pattern(
            "bulk",
            "the same, in Museo 50 events in each change",
            "sse",
            clients=1000,
            plan=Plan(topics=1, events=3000, at_once=50),
            only=("museo", "nchan"),
        ),
        Pattern(
            "ws-burst",
            "{clients:,} WebSocket clients follow one topic; as burst",
            "ws",
            clients=1000,
            plan=Plan(topics=1, events=2000),
            plan_for_slow=Plan(topics=1, events=50),
        ),
        Pattern(
            "own",
            "{clients:,} SSE clients, each its own order; {rate:g} commits a second, evenly paced",
            "sse",
            clients=2000,
            plan=Plan(topics=2000, events=6000, per_second=600),
            publishers=2,
        ),
        Pattern(
            "tick",
            "{clients:,} SSE clients, each its own order; all orders take a step at once",
            "sse",
            clients=2000,
            plan=Plan(topics=2000, events=2000, is_tick=True),
        ),
        Pattern(
            "hold-sse",
            "{clients:,} SSE clients that hear nothing",
            "sse",
            clients=2000,
            plan=Plan(topics=1, events=0),
            how="hold",
        ),
        Pattern(
            "hold-ws",
            "{clients:,} WebSocket clients that hear nothing",
            "ws",
            clients=2000,
            plan=Plan(topics=1, events=0),
            how="hold",
        ),
        Pattern(
            "storm",
            "{clients:,} SSE clients, each its own order; the live process is killed, every order "
            "takes a step, a new process starts",
            "sse",
            clients=5000,
            plan=Plan(topics=5000, events=5000, at_once=500),
            how="storm",
            only=("museo",),
        ),
        Pattern(
            "slow",
            "one SSE client that never reads while {megabytes:.0f} MB pass, beside one that does",
            "sse",
            clients=2,
            plan=Plan(topics=1, events=10_000, at_once=50, per_second=2500, padding=3600),
            how="slow",
            rounds=1,
        ),
    ]


def quick() -> list[Pattern]:
    """The same, small: to see that all works, not to compare."""
    sizes = {
        "paced": (100, Plan(topics=1, events=30, per_second=15)),
        "burst": (100, Plan(topics=1, events=200)),
        "bulk": (100, Plan(topics=1, events=500, at_once=50)),
        "ws-burst": (100, Plan(topics=1, events=200)),
        "own": (200, Plan(topics=200, events=200, per_second=100)),
        "tick": (200, Plan(topics=200, events=200, is_tick=True)),
        "hold-sse": (200, Plan(topics=1, events=0)),
        "hold-ws": (200, Plan(topics=1, events=0)),
        "storm": (500, Plan(topics=500, events=500, at_once=500)),
        "slow": (2, Plan(topics=1, events=500, at_once=50, per_second=2500, padding=3600)),
    }
    return [_smaller(pattern, *sizes[pattern.name]) for pattern in full()]


def _smaller(pattern: Pattern, clients: int, plan: Plan) -> Pattern:
    return Pattern(
        pattern.name,
        pattern.says,
        pattern.kind,
        clients=clients,
        plan=plan,
        how=pattern.how,
        publishers=pattern.publishers,
        only=pattern.only or (ALL_KINDS if pattern.name == "paced" else ONE_OF_EACH),
        rounds=1,
        settles_in=0.4,
        idle=2.0,
    )
