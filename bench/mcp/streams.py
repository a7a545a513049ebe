"""Many listen streams, and how long an update takes to each of them."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any

import uvloop

from bench.live.plan import STATUSES
from bench.mcp import calls

ACKNOWLEDGED = b"notifications/subscriptions/acknowledged"
UPDATED = b"notifications/resources/updated"
OPENED_AT_ONCE = 50
OPENED_WITHIN = 120
ARRIVES_WITHIN = 10


class _Updates:
    """When each stream was told of the change at hand."""

    def __init__(self) -> None:
        self.at: list[int] = []
        self.are_all_here = asyncio.Event()
        self._streams = 0

    def expect(self, streams: int) -> None:
        self.at, self._streams = [], streams
        self.are_all_here.clear()

    def arrived(self, at: int) -> None:
        self.at.append(at)
        if len(self.at) >= self._streams:
            self.are_all_here.set()


class _Stream(asyncio.Protocol):
    """One client, which only counts: it shares a core with all the others."""

    def __init__(self, request: bytes, updates: _Updates) -> None:
        self.is_open = asyncio.get_running_loop().create_future()
        self._updates = updates
        self._request = request
        self._tail = b""

    def connection_made(self, transport: Any) -> None:
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        at = time.monotonic_ns()
        data = self._tail + data
        for _update in range(data.count(UPDATED)):
            self._updates.arrived(at)
        if ACKNOWLEDGED in data and not self.is_open.done():
            self.is_open.set_result(None)
        # shorter than either word, so that none is counted twice
        self._tail = data[-len(UPDATED) + 1 :]

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.is_open.done():
            self.is_open.set_exception(ConnectionError("A stream was refused."))


@dataclass
class Heard:
    """Milliseconds from the begin of each change until each stream was told of it."""

    streams: int
    changes: int
    opened_seconds: float
    took: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        cuts = quantiles(self.took, n=100, method="inclusive") if len(self.took) > 1 else [0.0] * 99
        return {
            "p50_ms": round(cuts[49], 3),
            "p99_ms": round(cuts[98], 3),
            "arrived_percent": round(100 * len(self.took) / (self.streams * self.changes), 3),
            "connects_per_second": round(self.streams / self.opened_seconds, 1),
        }


def listen(
    port: int,
    orders: Sequence[Sequence[str]],
    *,
    streams: int,
    mover: Sequence[str | Path],
    environment: Mapping[str, str],
    folder: Path,
) -> Heard:
    """All streams follow all these orders, which are moved to their end one step at a time."""
    with subprocess.Popen(
        mover,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as moving:
        try:
            return uvloop.run(_listen(port, orders, streams, moving))
        finally:
            moving.kill()


async def _listen(
    port: int, orders: Sequence[Sequence[str]], count: int, moving: subprocess.Popen[str]
) -> Heard:
    began_at, updates = time.monotonic(), _Updates()
    await _opened(port, orders, count, updates)
    changes = [(number, status) for number, _ticket in orders for status in STATUSES]
    heard = Heard(count, len(changes), time.monotonic() - began_at)
    await _line(moving)
    for number, status in changes:
        updates.expect(count)
        print(number, status, file=moving.stdin, flush=True)
        changed_at = int(await _line(moving))
        with suppress(TimeoutError):
            async with asyncio.timeout(ARRIVES_WITHIN):
                await updates.are_all_here.wait()
        heard.took += [(at - changed_at) / 1e6 for at in updates.at]
    return heard


async def _opened(
    port: int, orders: Sequence[Sequence[str]], count: int, updates: _Updates
) -> None:
    uris = [f"museo://orders/{number}?ticket={ticket}" for number, ticket in orders]
    wanted = {"notifications": {"resourceSubscriptions": uris}}
    request = calls.post(port, "subscriptions/listen", wanted)
    turns = asyncio.Semaphore(OPENED_AT_ONCE)
    loop = asyncio.get_running_loop()

    async def opened() -> None:
        async with turns:
            _transport, stream = await loop.create_connection(
                lambda: _Stream(request, updates), "127.0.0.1", port
            )
            await stream.is_open

    async with asyncio.timeout(OPENED_WITHIN):
        await asyncio.gather(*(opened() for _ in range(count)))


async def _line(moving: subprocess.Popen[str]) -> str:
    if moving.stdout is None:
        raise RuntimeError("The mover has no output.")
    line = await asyncio.to_thread(moving.stdout.readline)
    if not line:
        raise RuntimeError("The mover ended early; what it said is above.")
    return line


def allow_files(count: int) -> None:
    """This process and those that it starts may have so many connections."""
    _soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if most == resource.RLIM_INFINITY else min(count, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
