"""The last turns of somebody's conversation in Redis, sealed; without it they are read from rows.

    conversation:{owner}        JSON of the conversation and its turns, sealed, for an hour

It is never the truth: what it holds is used only if it is of the message's conversation and whole
up to it. The lock of S3's `conversation:{owner}:lock` is the row of the conversation itself; the
key is there for whoever looks, while an answer is made.
"""

from __future__ import annotations

import logging
import time
from functools import cache as cached
from typing import Any

import orjson
import redis
from django.conf import settings

from mcp_bridge.assistant import conversations
from mcp_bridge.assistant.conversations import Said
from mcp_bridge.assistant.planning import Turn
from mcp_bridge.models import Message
from museo.access.encryption import seal, unseal

logger = logging.getLogger(__name__)
KEPT_SECONDS = 3600
LOCK_MS = int(conversations.LEASE.total_seconds() * 1000)
MOST_TURNS = 20
# how long a Redis that did not answer is left alone
PAUSE_SECONDS = 1.0

_away_until = 0.0


def key(owner: str) -> str:
    return f"conversation:{owner}"


def hold(message: Message) -> None:
    """Say that an answer is being made."""
    owner = message.conversation.owner
    _ask(lambda client: client.set(f"{key(owner)}:lock", message.public_id, px=LOCK_MS))


def remember(message: Message, said: str, answered: str) -> None:
    """Keep the turns with this one."""
    if not settings.REDIS_URL:
        return
    before = _kept(message, until=message.number - 1) if message.number > 1 else []
    if before is None:
        before = _read(message)
    turns = [*before, {"role": "user", "content": said}, {"role": "assistant", "content": answered}]
    held = {
        "conversation": message.conversation.public_id,
        "number": message.number,
        "turns": turns[-MOST_TURNS:],
    }
    owner, sealed = message.conversation.owner, seal(orjson.dumps(held).decode())

    def write(client: redis.Redis) -> None:
        client.set(key(owner), sealed, ex=KEPT_SECONDS)
        client.delete(f"{key(owner)}:lock")

    _ask(write)


def turns(message: Message) -> list[Turn]:
    """What was said before in its conversation, oldest first."""
    kept = _kept(message, until=message.number - 1)
    return [Turn(**each) for each in (_read(message) if kept is None else kept)]


def forget(owner: str) -> None:
    _ask(lambda client: client.delete(key(owner), f"{key(owner)}:lock"))


def _kept(message: Message, *, until: int) -> list[dict[str, str]] | None:
    """None if Redis has not just this conversation up to this number."""
    sealed = _ask(lambda client: client.get(key(message.conversation.owner)))
    if not sealed:
        return None
    held = orjson.loads(unseal(sealed.decode()))
    is_this = held["conversation"] == message.conversation.public_id and held["number"] == until
    return list(held["turns"]) if is_this else None


def _read(message: Message) -> list[dict[str, str]]:
    rows = message.conversation.messages.filter(number__lt=message.number).order_by("-number")
    found: list[dict[str, str]] = []
    for each in reversed(rows[: MOST_TURNS // 2]):
        found.append({"role": "user", "content": Said.of(each).text})
        if response := conversations.read_response(each):
            found.append({"role": "assistant", "content": response["message"]})
    return found


def _ask(question: Any) -> Any:
    """None without Redis."""
    global _away_until
    if not settings.REDIS_URL or time.monotonic() < _away_until:
        return None
    try:
        return question(_client(settings.REDIS_URL))
    except redis.RedisError as problem:
        _away_until = time.monotonic() + PAUSE_SECONDS
        logger.warning("conversations are not cached", extra={"reason": str(problem)})
        return None


@cached
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5)
