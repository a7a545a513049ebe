"""One round: each server in turn is started, warmed, asked, and its answers checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import psutil

from bench.live import measuring
from bench.live.runs import Row
from bench.live.servers.server import Server, running
from bench.mcp import calls, sites, streams
from bench.mcp.calls import Asked, Wrong
from bench.mcp.paths import CONNECTIONS, PROCESSES, of_calls, of_streams
from bench.mcp.sites import Shop
from bench.shop import load


@dataclass(frozen=True)
class Sizes:
    seconds: float = 5.0
    warm_seconds: float = 1.0
    products: int = 10_000
    orders: int = 200
    streams: int = 1_000
    # each moves four steps
    moved: int = 5


QUICK = Sizes(seconds=1.0, warm_seconds=0.5, products=1_000, orders=60, streams=1_000, moved=2)


@dataclass(frozen=True)
class Round:
    """`number` counts from 1; each round moves orders of its own."""

    number: int
    sizes: Sizes
    program: Path

    def echoes(self, server: Server) -> Iterator[Row]:
        with running(server) as started:
            yield from self._calls("echo", server, calls.echo(server.port), started.processes)

    def of_shop(self, shop: Shop) -> Iterator[Row]:
        server, port = shop.server, shop.server.port
        with running(server) as started:
            own = started.processes
            yield from self._calls("echo", server, calls.echo(port), own)
            yield from self._calls("search", server, calls.search(port), own)
            rest = replace(server, name="rest")
            yield from self._calls("search", rest, calls.rest_search(port), own)
            still = shop.orders[-20:]
            yield from self._calls("track", server, calls.track(port, still), own)

    def of_streams(self, shop: Shop) -> Iterator[Row]:
        for processes in PROCESSES:
            turn = (self.number - 1) * len(PROCESSES) + processes - 1
            first = turn * self.sizes.moved
            with running(shop.on(processes)):
                row: Row = {
                    "server": "museo",
                    "pattern": of_streams(processes),
                    "problem": "",
                    "load": measuring.load(),
                }
                heard = streams.listen(
                    shop.server.port,
                    shop.orders[first : first + self.sizes.moved],
                    streams=self.sizes.streams,
                    mover=shop.mover,
                    environment=shop.environment,
                    folder=shop.server.folder,
                )
                yield {**row, **heard.figures()}

    def _calls(
        self, what: str, server: Server, asked: Asked, processes: list[psutil.Process]
    ) -> Iterator[Row]:
        for connections in CONNECTIONS:
            row: Row = {
                "server": server.name,
                "pattern": of_calls(what, connections),
                "problem": "",
                "load": measuring.load(),
            }
            try:
                self._ask(server, asked, connections, self.sizes.warm_seconds)
                before = measuring.cpu_seconds(processes)
                found = self._ask(server, asked, connections, self.sizes.seconds)
                used = measuring.cpu_seconds(processes) - before
                yield {**row, **replace(found, their_cpu=used).figures()}
            except Wrong as wrong:
                yield {**row, "problem": str(wrong)}

    def _ask(self, server: Server, asked: Asked, connections: int, seconds: float) -> load.Load:
        found = load.send(
            self.program,
            server.port,
            asked.requests,
            connections=connections,
            seconds=seconds,
            cycles=True,
            keeps=True,
        )
        asked.check(found.answers)
        return found


def rounds(
    count: int, shop: Shop, sizes: Sizes, program: Path, peers: tuple[str, ...]
) -> Iterator[Row]:
    for number in range(1, count + 1):
        one = Round(number, sizes, program)
        for name in peers:
            for row in one.echoes(sites.peer(name, shop.server.folder, shop.server.port)):
                yield row | {"round": number}
        for row in chain(one.of_shop(shop), one.of_streams(shop)):
            yield row | {"round": number}
