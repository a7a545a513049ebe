"""How often somebody may: a bucket of calls each, which fills up again as time goes by.

The buckets lie in Redis, for all processes; while that is away, each process has its own. Whoever
calls often gets several at once, which the process keeps for a second: asking costs 0.14 ms, taking
what is kept 0.005 ms. So nobody gets more than there is, and a few may lie with another process.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from ipaddress import IPv4Address, ip_address

import redis
from django.conf import settings
from django.utils.translation import ngettext

from museo import broker
from museo.access.problems import Problem
from museo.access.tokens import digest

logger = logging.getLogger(__name__)
# how long a Redis that did not answer is left alone
PAUSE_SECONDS = 1.0
MOST_LOCAL = 10_000
# a name may be tried from many networks, but a stranger shall not lock somebody out that easily
OF_A_NAME = 5
# so many are kept at most, and no more than this part of a bucket, for so long
MOST_KEPT = 1_000
PART_KEPT = 20
KEPT_SECONDS = 1.0
# frames that a client may send on a socket
FRAMES_PER_SECOND, FRAMES_AT_ONCE = 20, 60
# KEYS: the bucket; ARGV: most, so many a second, now, how many are wanted, how many come back
TAKE = """
local most, rate, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept = redis.call('HMGET', KEYS[1], 'left', 'at')
local left, at = tonumber(kept[1]) or most, tonumber(kept[2]) or now
left = math.min(most, left + math.max(0, now - at) * rate + tonumber(ARGV[5]))
local taken = math.min(tonumber(ARGV[4]), math.floor(left))
left = left - taken
redis.call('HSET', KEYS[1], 'left', left, 'at', math.max(now, at))
redis.call('PEXPIRE', KEYS[1], math.ceil((most - left) / rate * 1000) + 1000)
return {taken, tostring(left)}
"""


class TooOften(Problem):
    """`retry_after`: in how many seconds it is allowed again."""

    status = 429
    code = "rate_limited"

    def __init__(self, retry_after: int) -> None:
        detail = ngettext(
            "That was too often. Try again in %(seconds)s second.",
            "That was too often. Try again in %(seconds)s seconds.",
            retry_after,
        )
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
    return _buckets.take(key, limit, now.timestamp())


def take_kept(key: str, limit: Limit, *, now: datetime) -> Allowance | None:
    """The same without waiting for Redis; None if this process has none of the bucket's to give."""
    return _buckets.take_kept(key, limit, now.timestamp())


def give_back(key: str, limit: Limit, *, now: datetime) -> None:
    """Put one back that was taken for what turned out well."""
    _buckets.give_back(key, limit, now.timestamp())


def require_allowance(key: str, *, most: int, seconds: int, now: datetime) -> None:
    """Take one; raise TooOften if there is none."""
    allowance = take(key, Limit(most, seconds), now=now)
    if not allowance.is_granted:
        raise TooOften(allowance.retry_after)


@contextmanager
def few_wrong(buckets: Mapping[str, Limit], *, now: datetime) -> Iterator[None]:
    """Take one of each; raise TooOften if there is none. What ends well gives them back."""
    for key, limit in buckets.items():
        allowance = take(key, limit, now=now)
        if not allowance.is_granted:
            raise TooOften(allowance.retry_after)
    yield
    for key, limit in buckets.items():
        give_back(key, limit, now=now)


def of_sign_ins(address: str) -> dict[str, Limit]:
    """What a network address has of wrong passwords and codes."""
    return {f"sign-ins:{network(address)}": Limit(settings.MUSEO_SIGN_INS_PER_MINUTE)}


def of_passwords(address: str, name: str) -> dict[str, Limit]:
    """And what the person has whom somebody of this mail address may be."""
    # names are people's addresses, which do not belong into Redis
    of_a_name = f"sign-ins:{digest(name.strip().lower())}"
    most = Limit(settings.MUSEO_SIGN_INS_PER_MINUTE * OF_A_NAME)
    return {**of_sign_ins(address), of_a_name: most}


@lru_cache(maxsize=1024)
def network(address: str) -> str:
    """Whom an address stands for: an IPv6 address comes with a network full of others."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv4Address):
        return address
    return str(found.ipv4_mapped or found.exploded[:19])


@dataclass
class _Kept:
    """Of a bucket, what this process has taken; of an empty one, that there is nothing."""

    size: int
    count: int
    left: float
    until: float


class Buckets:
    """Those of one process; those that were not used for longest are dropped."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._own: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str, limit: Limit, now: float) -> Allowance:
        if known := self.take_kept(key, limit, now):
            return known
        with self._lock:
            kept = self._kept.pop(key, None)
        wanted = _next_size(kept, limit, now)
        taken, left = self._ask(key, limit, now, wanted, kept.count if kept else 0)
        self._keep(key, limit, now, taken, left)
        return Allowance(limit, left + max(0, taken - 1), is_granted=taken > 0)

    def take_kept(self, key: str, limit: Limit, now: float) -> Allowance | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept and kept.until - KEPT_SECONDS <= now < kept.until:
                if kept.count:
                    kept.count -= 1
                    return Allowance(limit, kept.left + kept.count, is_granted=True)
                if not kept.size:
                    return Allowance(limit, kept.left, is_granted=False)
        return None

    def give_back(self, key: str, limit: Limit, now: float) -> None:
        with self._lock:
            kept = self._kept.pop(key, None)
        self._ask(key, limit, now, 0, 1 + (kept.count if kept else 0))

    def forget(self) -> None:
        """As if nobody had called."""
        with self._lock:
            self._kept.clear()
            self._own.clear()

    def _keep(self, key: str, limit: Limit, now: float, taken: int, left: float) -> None:
        """For a moment; a refusal, until there is one again."""
        lasts = KEPT_SECONDS if taken else min(KEPT_SECONDS, (1 - left) / limit.rate)
        with self._lock:
            meanwhile = self._kept.get(key)
            count = max(0, taken - 1) + (meanwhile.count if meanwhile else 0)
            # who asked beside whoever took many took one: that is no reason to begin anew
            size = max(taken, meanwhile.size) if taken and meanwhile else taken
            self._kept[key] = _Kept(size, count, left, now + lasts)
            if len(self._kept) > MOST_LOCAL:
                self._kept.popitem(last=False)

    def _ask(self, key: str, limit: Limit, now: float, wanted: int, back: int) -> tuple[int, float]:
        """How many of the wanted there were, and what is left."""
        found = _in_redis(key, [limit.most, limit.rate, now, wanted, back])
        return found or self._take_here(key, limit, now, wanted, back)

    def _take_here(
        self, key: str, limit: Limit, now: float, wanted: int, back: int
    ) -> tuple[int, float]:
        with self._lock:
            left, at = self._own.pop(key, (limit.most, now))
            left = _filled(left + back, now - at, rate=limit.rate, most=limit.most)
            taken = min(wanted, int(left))
            self._own[key] = (left - taken, max(now, at))
            if len(self._own) > MOST_LOCAL:
                self._own.popitem(last=False)
            return taken, left - taken


def _next_size(kept: _Kept | None, limit: Limit, now: float) -> int:
    """Twice as many for whoever has used up the last in time, else one."""
    if kept is None or kept.count or now >= kept.until:
        return 1
    return max(1, min(2 * kept.size, MOST_KEPT, limit.most // PART_KEPT))


_buckets = Buckets()
_away_until = 0.0


def _in_redis(key: str, arguments: Sequence[float]) -> tuple[int, float] | None:
    """None without Redis."""
    global _away_until
    if not settings.REDIS_URL or time.monotonic() < _away_until:
        return None
    try:
        taken, left = _script(settings.REDIS_URL)(keys=[f"museo:allowance:{key}"], args=arguments)
    except redis.RedisError as problem:
        _away_until = time.monotonic() + PAUSE_SECONDS
        logger.warning("limits are counted here", extra={"reason": str(problem)})
        return None
    return int(taken), float(left)


@cache
def _script(url: str) -> Callable[..., tuple[int, bytes]]:
    client = broker.client(url, socket_timeout=0.5, socket_connect_timeout=0.5)
    return client.register_script(TAKE)


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


def of_frames() -> Bucket:
    """What one socket has."""
    return Bucket(rate=FRAMES_PER_SECOND, burst=FRAMES_AT_ONCE)
