"""How the other servers fare, in Redis for whoever looks: `mcp:process:{name}:status|pid|stats`.

Every live process has its own; the one that changed last is shown. What a process says is
forgotten a minute after its last word.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import orjson
import redis
from django.conf import settings

from museo import broker

if TYPE_CHECKING:
    from mcp_bridge.children.supervision import Child, Children

logger = logging.getLogger(__name__)
REPEATED_AFTER = 20.0
FORGOTTEN_AFTER = 60
# many changes are told at once
PAUSE = 0.2


class Mirror:
    def __init__(self, children: Children) -> None:
        self._children = children
        self._news = asyncio.Event()
        self._is_over = False
        self._telling = asyncio.create_task(self._tell()) if settings.REDIS_URL else None

    def wake(self) -> None:
        self._news.set()

    async def end(self) -> None:
        self._is_over = True
        self.wake()
        if self._telling:
            await self._telling

    async def _tell(self) -> None:
        client = broker.client(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5)
        is_over = False
        while not is_over:
            with suppress(TimeoutError):
                async with asyncio.timeout(REPEATED_AFTER):
                    await self._news.wait()
            self._news.clear()
            is_over = self._is_over
            # what another live process has started is for that one to tell
            children = self._children.by_name.values()
            told = [_told(child) for child in children if child.is_in_use]
            await asyncio.to_thread(_write, client, told)
            if not self._is_over:
                await asyncio.sleep(PAUSE)
        client.close()


def _told(child: Child) -> tuple[str, str, str, bytes]:
    pids = child.pids
    stats = {
        "calls": child.stats.calls,
        "errors": child.stats.errors,
        "restarts": child.stats.restarts,
        "pids": pids,
    }
    return child.server.name, child.status, str(pids[0]) if pids else "", orjson.dumps(stats)


def _write(client: redis.Redis, told: list[tuple[str, str, str, bytes]]) -> None:
    try:
        with client.pipeline(transaction=False) as pipe:
            for name, status, pid, stats in told:
                key = f"mcp:process:{name}"
                pipe.set(f"{key}:status", status, ex=FORGOTTEN_AFTER)
                pipe.set(f"{key}:stats", stats, ex=FORGOTTEN_AFTER)
                if pid:
                    pipe.set(f"{key}:pid", pid, ex=FORGOTTEN_AFTER)
                else:
                    pipe.delete(f"{key}:pid")
            pipe.execute()
    except redis.RedisError as problem:
        logger.warning("children not told to Redis", extra={"reason": str(problem)})
