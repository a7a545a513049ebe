"""How often somebody may: a bucket of calls each, which fills up again as time goes by.

The buckets lie in Redis, for all processes; while that is away, each process has its own.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from ipaddress import ip_address

import redis
from django.conf import settings
from django.utils.translation import gettext as _

from museo.access.problems import Problem

logger = logging.getLogger(__name__)
# how long a Redis that did not answer is left alone
PAUSE_SECONDS = 1.0
MOST_LOCAL = 10_000
# one question; KEYS: the bucket, ARGV: most, a second, now, cost (below 0 gives back)
TAKE = """
local most, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local now, cost = tonumber(ARGV[3]), tonumber(ARGV[4])
local kept = redis.call('HMGET', KEYS[1], 'left', 'at')
local left, at = tonumber(kept[1]) or most, tonumber(kept[2]) or now
left = math.min(most, left + math.max(0, now - at) * rate)
local taken = 0
if left >= cost then
    left, taken = math.min(most, left - cost), 1
end
redis.call('HSET', KEYS[1], 'left', left, 'at', math.max(now, at))
redis.call('PEXPIRE', KEYS[1], math.ceil((most - left) / rate * 1000) + 1000)
return {taken, tostring(left)}
"""


class TooOften(Problem):
    """`retry_after`: in how many seconds it is allowed again."""

    status = 429
    code = "rate_limited"

    def __init__(self, retry_after: int) -> None:
        detail = _("That was too often. Try again in %(seconds)s seconds.")
        super().__init__(detail % {"seconds": retry_after}, retry_after=retry_after)


@dataclass(frozen=True)
class Limit:
    """At most so many at once, and as many again in so many seconds."""

    most: int
    seconds: float = 60

    @property
    def rate(self) -> float:
        return self.most / self.seconds


@dataclass(frozen=True)
class Allowance:
    """What is left of a bucket after somebody wanted one; `is_granted` if they got it."""

    limit: Limit
    left: float
    is_granted: bool

    def headers(self) -> dict[str, str]:
        """The three of draft-ietf-httpapi-ratelimit-headers-06; `Reset`: seconds until all is."""
        until_full = math.ceil((self.limit.most - self.left) / self.limit.rate)
        return {
            "RateLimit-Limit": str(self.limit.most),
            "RateLimit-Remaining": str(int(self.left)),
            "RateLimit-Reset": str(until_full),
        }

    @property
    def retry_after(self) -> int:
        """In how many seconds there is one again."""
        return max(1, math.ceil((1 - self.left) / self.limit.rate))


def take(key: str, limit: Limit, *, now: datetime) -> Allowance:
    """Take one out of the bucket, if there is one."""
    return _use(key, limit, 1, now)


def give_back(key: str, limit: Limit, *, now: datetime) -> None:
    """Put one back that was taken for what turned out well."""
    _use(key, limit, -1, now)


def require_allowance(key: str, *, most: int, seconds: int, now: datetime) -> None:
    """Take one; raise TooOften if there is none."""
    allowance = take(key, Limit(most, seconds), now=now)
    if not allowance.is_granted:
        raise TooOften(allowance.retry_after)


def network(address: str) -> str:
    """Whom an address stands for: an IPv6 address comes with a network full of others."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    return found.exploded[:19]


def _use(key: str, limit: Limit, cost: int, now: datetime) -> Allowance:
    moment = now.timestamp()
    used = _in_redis(key, limit, cost, moment) or _local.use(key, limit, cost, moment)
    is_granted, left = used
    return Allowance(limit, left, is_granted)


_away_until = 0.0


def _in_redis(key: str, limit: Limit, cost: int, now: float) -> tuple[bool, float] | None:
    """None without Redis."""
    global _away_until
    if not settings.REDIS_URL or time.monotonic() < _away_until:
        return None
    try:
        taken, left = _script(settings.REDIS_URL)(
            keys=[f"museo:allowance:{key}"], args=[limit.most, limit.rate, now, cost]
        )
    except redis.RedisError as problem:
        _away_until = time.monotonic() + PAUSE_SECONDS
        logger.warning("limits are counted here", extra={"reason": str(problem)})
        return None
    return bool(taken), float(left)


@cache
def _script(url: str) -> Callable[..., tuple[int, bytes]]:
    client = redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5)
    return client.register_script(TAKE)


class _Local:
    """The buckets of this process; those that were not used for longest are dropped."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def use(self, key: str, limit: Limit, cost: int, now: float) -> tuple[bool, float]:
        with self._lock:
            left, at = self._kept.pop(key, (limit.most, now))
            left = _filled(left, now - at, rate=limit.rate, most=limit.most)
            is_granted = left >= cost
            if is_granted:
                left = min(limit.most, left - cost)
            self._kept[key] = (left, max(now, at))
            if len(self._kept) > MOST_LOCAL:
                self._kept.popitem(last=False)
            return is_granted, left

    def forget(self) -> None:
        with self._lock:
            self._kept.clear()


_local = _Local()


def _filled(left: float, seconds: float, *, rate: float, most: float) -> float:
    return min(most, left + max(0.0, seconds) * rate)


class Bucket:
    """An allowance of one connection: `burst` at once, `rate` a second in the long run."""

    __slots__ = ("_burst", "_clock", "_left", "_rate", "_seen")

    def __init__(
        self, *, rate: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._left = float(burst)
        self._clock = clock
        self._seen = clock()

    def take(self) -> bool:
        """Whether there was one left, which is gone now."""
        now = self._clock()
        self._left = _filled(self._left, now - self._seen, rate=self._rate, most=self._burst)
        self._seen = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
