"""What Redis holds of conversations, sealed; it is never the truth.

    conversation:{owner}        JSON of their last conversation and its turns, for an hour
    conversation:{owner}:lock   the message that is being answered, until its lease is over

What locks a conversation is its row. The key is for whoever looks.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import orjson
import redis
from django.conf import settings

from museo import broker
from museo.access.encryption import seal, unseal

logger = logging.getLogger(__name__)
KEPT_SECONDS = 3600
# how long a Redis that did not answer is left alone
PAUSE_SECONDS = 1.0

_away_until = 0.0


def key(owner: str) -> str:
    return f"conversation:{owner}"


def is_there() -> bool:
    return bool(settings.REDIS_URL) and time.monotonic() >= _away_until


def hold(owner: str, message_id: str, *, seconds: float) -> None:
    """Say that an answer is being made."""
    _ask(lambda client: client.set(f"{key(owner)}:lock", message_id, px=int(seconds * 1000)))


def write(owner: str, held: Mapping[str, Any]) -> None:
    """Keep it, and hold nothing any more."""
    sealed = seal(orjson.dumps(held).decode())

    def put(client: redis.Redis) -> None:
        client.set(key(owner), sealed, ex=KEPT_SECONDS)
        client.delete(f"{key(owner)}:lock")

    _ask(put)


def read(owner: str) -> dict[str, Any] | None:
    """None if nothing is kept, or Redis is away."""
    sealed = _ask(lambda client: client.get(key(owner)))
    if not sealed:
        return None
    held: dict[str, Any] = orjson.loads(unseal(sealed.decode()))
    return held


def forget(owner: str) -> None:
    _ask(lambda client: client.delete(key(owner), f"{key(owner)}:lock"))


def _ask(question: Callable[[redis.Redis], Any]) -> Any:
    """None without Redis."""
    global _away_until
    if not is_there():
        return None
    try:
        return question(_client(settings.REDIS_URL))
    except redis.RedisError as problem:
        _away_until = time.monotonic() + PAUSE_SECONDS
        logger.warning("conversations are not cached", extra={"reason": str(problem)})
        return None


@cache
def _client(url: str) -> redis.Redis:
    return broker.client(url, socket_timeout=0.5, socket_connect_timeout=0.5)
