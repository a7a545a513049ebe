"""One run of a pattern against one server, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.live.client import Client
from bench.live.measuring import cpu_seconds, load, own_bytes, resident_bytes
from bench.live.patterns import Pattern
from bench.live.plan import Plan
from bench.live.servers.server import Publisher, Running, Server, running

LONGEST_SECONDS = 45
# how many clients are opened at a time; Redis clients of peers have room for a hundred
OPENED_AT_ONCE = 50

Row = dict[str, Any]


@dataclass(frozen=True)
class Site:
    """A server with its publishers, and where the client is."""

    server: Server
    publishers: Sequence[Publisher]
    program: Path

    def client(self, pattern: Pattern, *, count: int | None = None, **options: object) -> Client:
        told = {
            "idle": pattern.idle,
            "most": LONGEST_SECONDS,
            "at_once": OPENED_AT_ONCE,
            **options,
        }
        if ready := self.server.ready.get(pattern.kind):
            told["ready"] = ready
        return Client(
            self.program,
            self.server.folder,
            kind=pattern.kind,
            port=self.server.port,
            paths=self.server.paths(pattern.kind, pattern.plan.topics),
            count=count or pattern.clients,
            **told,
        )


@contextmanager
def publishers(server: Server, count: int) -> Iterator[list[Publisher]]:
    started: list[Publisher] = []
    try:
        for _ in range(count):
            started.append(Publisher(server))  # noqa: PERF401  those before must be stopped
        yield started
    finally:
        for each in started:
            each.stop()


def run(site: Site, pattern: Pattern) -> Row:
    """What was measured; `problem` says what was wrong with the answers, empty if nothing."""
    row: Row = {
        "pattern": pattern.name,
        "server": site.server.name,
        "clients": pattern.clients,
        "load": load(),
    }
    with running(site.server) as live:
        _warm_up(site, pattern)
        row |= HOW[pattern.how](site, live, pattern)
    return row


def _warm_up(site: Site, pattern: Pattern) -> None:
    """What is loaded or made at the first client and event is not what is measured."""
    plan = Plan(topics=1, events=3, per_second=20)
    small = replace(pattern, clients=20, plan=plan)
    with site.client(small, until=3, idle=2) as client:
        client.opened()
        time.sleep(pattern.settles_in / 2)
        site.publishers[0].publish(plan)
        client.arrived()


def _stream(site: Site, live: Running, pattern: Pattern) -> Row:
    plan = pattern.plan_for(is_slow=site.server.is_slow)
    before = own_bytes(live.processes)
    with site.client(pattern, until=plan.last) as client:
        row = _opened(client, live, before, pattern)
        cpu = cpu_seconds(live.processes), cpu_seconds(site.server.backends)
        row |= _publish(site, plan, pattern.publishers)
        row |= client.arrived()
        own = cpu_seconds(live.processes) - cpu[0]
        backends = cpu_seconds(site.server.backends) - cpu[1]
    row |= {"events": plan.events, "cpu_seconds": own, "backend_cpu_seconds": backends}
    if own > 0:
        row["per_cpu_second"] = round(row["delivered"] / own)
        row["per_cpu_second_with_backends"] = round(row["delivered"] / (own + backends))
    return row | {"problem": _problem(row, pattern.clients)}


def _hold(site: Site, live: Running, pattern: Pattern) -> Row:
    before = own_bytes(live.processes)
    with site.client(pattern) as client:
        row = _opened(client, live, before, pattern)
        client.stop()
        row |= client.arrived()
    return row | {"problem": _problem(row, pattern.clients)}


def _storm(site: Site, live: Running, pattern: Pattern) -> Row:
    """`caught_up_seconds`: from when the new process listens until the last has its last event."""
    plan, statements = pattern.plan, site.server.statements
    before = own_bytes(live.processes)
    options = {"resume": 1, "at_once": 1000, "idle": 30, "most": 90}
    with site.client(pattern, until=2 * plan.last, **options) as client:
        row = _opened(client, live, before, pattern)
        _publish(site, plan, 1)
        time.sleep(pattern.settles_in)
        live.kill()
        row |= _publish(site, replace(plan, first=plan.last + 1), 1)
        if statements:
            statements.reset()
        live.start_again()
        row |= client.arrived()
        if statements:
            row["queries"] = statements.count()
    row["events"] = 2 * plan.events
    # the cut was ours
    row["cut"] -= pattern.clients
    return row | {"problem": _problem(row, pattern.clients)}


def _slow(site: Site, live: Running, pattern: Pattern) -> Row:
    """How much the server grows, when it has seen the same traffic without the slow client."""
    plan = pattern.plan
    # the second time finds memory as the first left it
    for _ in range(2):
        with site.client(replace(pattern, clients=1), until=plan.last) as client:
            client.opened()
            time.sleep(pattern.settles_in)
            site.publishers[0].publish(plan)
            client.arrived()
    time.sleep(pattern.settles_in)
    before = resident_bytes(live.processes), own_bytes(live.processes)
    with site.client(pattern, until=plan.last, still=1) as client:
        opened = client.opened()
        time.sleep(pattern.settles_in)
        row: Row = {"ready": opened["ready"], **_publish(site, plan, 1)}
        time.sleep(pattern.settles_in)
        resident = resident_bytes(live.processes) - before[0]
        own = own_bytes(live.processes) - before[1]
        row |= client.arrived()
    row |= {"events": plan.events, "grown_mb": _mb(resident), "grown_own_mb": _mb(own)}
    # it may be the slow one that was cut
    return row | {"problem": _problem({**row, "cut": 0}, pattern.clients)}


HOW: Mapping[str, Callable[[Site, Running, Pattern], Row]] = {
    "stream": _stream,
    "hold": _hold,
    "storm": _storm,
    "slow": _slow,
}


def _opened(client: Client, live: Running, before: int, pattern: Pattern) -> Row:
    opened = client.opened()
    time.sleep(pattern.settles_in)
    grown = own_bytes(live.processes) - before
    return {
        "ready": opened["ready"],
        "connects_per_second": round(opened["ready"] / (opened["seconds"] or 1)),
        "kb_per_connection": round(grown / 1024 / pattern.clients, 1),
    }


def _publish(site: Site, plan: Plan, count: int) -> Row:
    """Let that many publishers share the plan; the slowest one's figures stand for all."""
    taking = site.publishers[:count]
    for share, publisher in enumerate(taking):
        publisher.begin(replace(plan, share=share, shares=len(taking)))
    answers = [publisher.answer() for publisher in taking]
    return max(answers, key=lambda answer: answer["publishing_seconds"])


def _problem(row: Row, clients: int) -> str:
    """What was wrong with the answers."""
    found = {
        "not opened": clients - row["ready"],
        "lost": row["lost"],
        "twice": row["duplicates"],
        "out of order": row["out_of_order"],
        "cut": row["cut"],
    }
    return ", ".join(f"{count:,} {what}" for what, count in found.items() if count)


def _mb(size: int) -> float:
    return round(size / 1024 / 1024, 1)
