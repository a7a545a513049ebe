"""Tells every live process, after COMMIT, that the log has grown: one Redis PUBLISH.

A lost message costs a second, never an event: the hubs also look at the log themselves.
"""

import logging
import time
from collections.abc import Sequence
from functools import cache
from typing import Any

import orjson
import redis
from django.conf import settings

from museo import broker
from notifications.models import Event

logger = logging.getLogger(__name__)
CHANNEL = "log"
# where the processes tell each other how many clients they have
COUNTS_CHANNEL = "live"
# a longer batch is read from the log
LARGEST_BATCH = 32 * 1024
# how long a Redis that did not answer is left alone
PAUSE_SECONDS = 1.0
_away_until = 0.0


def batch(
    *, epoch: str, head: int, events: Sequence[Event], also: Sequence[tuple[str, ...]]
) -> bytes:
    """The message: the new head, and the events themselves if they are small enough."""
    told: dict[str, Any] = {"epoch": epoch, "head": head}
    if len(events) <= 200:
        rows = [
            {
                "position": event.position,
                "topic": event.topic,
                "version": event.version,
                "type": event.type,
                "uid": event.uid.hex,
                "at": event.at,
                "data": event.data,
                "texts": event.texts,
                "call": event.call,
                "own_text": event.own_text,
                "also": names,
            }
            for event, names in zip(events, also, strict=True)
        ]
        full = orjson.dumps({**told, "events": rows})
        if len(full) <= LARGEST_BATCH:
            return full
    return orjson.dumps(told)


def wake(message: bytes) -> None:
    """Publish; a Redis that is away is the hubs' business, who look for themselves."""
    global _away_until
    if not settings.REDIS_URL or time.monotonic() < _away_until:
        return
    try:
        _client().publish(broker.channel(settings.REDIS_URL, CHANNEL), message)
    except redis.RedisError as problem:
        # the next commits do not wait for it too
        _away_until = time.monotonic() + PAUSE_SECONDS
        logger.warning("wake-up not published", extra={"reason": str(problem)})


@cache
def _client() -> redis.Redis:
    return broker.client(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5)
