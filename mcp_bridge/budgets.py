"""How often a caller may: each tool has a bucket for each caller, reading resources has one.

A person's apps have their own: one that calls too often does not silence another.

Whoever asks for many people gets more: a service account, and the guests of a network address,
which may be an assistant's with all of its people.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings

from museo.access import limits
from museo.access.admission import OF_SERVICE_ACCOUNTS as FOR_MANY
from museo.access.callers import Caller
from museo.access.limits import Allowance, Limit, TooOften
from notifications.live.hub import in_thread

if TYPE_CHECKING:
    # pages count messages to the assistant without loading MCP
    from mcp_bridge.registry import Tool

# what changes something may be called so much more seldom
OF_WRITES = 5

_asking: dict[str, asyncio.Event] = {}


async def take_call(tool: Tool, caller: Caller, *, now: datetime) -> None:
    """Count a call of a tool; raise TooOften, above what the caller may."""
    await _take(f"tool:{tool.name}", caller, _most_of(tool, caller), now)


async def take_read(caller: Caller, *, now: datetime) -> None:
    """Count what is no tool: a resource, a prompt, a wish to follow."""
    await _take("resources", caller, calls_a_minute(caller), now)


async def _take(what: str, caller: Caller, most: int, now: datetime) -> None:
    key, limit = f"{what}:{caller.speaker or limits.network(caller.address)}", _limit(most)
    # most calls need no thread: asking Redis may wait
    allowance = limits.take_kept(key, limit, now=now)
    if allowance is None:
        allowance = await _ask(key, limit, now)
    if not allowance.is_granted:
        raise TooOften(allowance.retry_after)


async def _ask(key: str, limit: Limit, now: datetime) -> Allowance:
    """Of all who call at once one asks, and brings some for the others."""
    while asked := _asking.get(key):
        await asked.wait()
        if kept := limits.take_kept(key, limit, now=now):
            return kept
    _asking[key] = asked = asyncio.Event()
    try:
        return await in_thread(limits.take)(key, limit, now=now)
    finally:
        del _asking[key]
        asked.set()


@cache
def _limit(most: int) -> Limit:
    return Limit(most)


def _most_of(tool: Tool, caller: Caller) -> int:
    reads = calls_a_minute(caller)
    return reads if tool.only_reads else max(1, reads // OF_WRITES)


def calls_a_minute(caller: Caller) -> int:
    """What a caller may; a program, and the guests of a network, call for many people."""
    is_one_person = caller.who.startswith("user:")
    return settings.MUSEO_CALLS_PER_MINUTE * (1 if is_one_person else FOR_MANY)
