"""How often somebody may: counted in the cache for all processes, or within one connection."""

import time
from collections.abc import Callable
from datetime import datetime

from django.core.cache import cache
from django.utils.translation import gettext as _
from redis import RedisError

from museo.access.problems import Problem


class TooOften(Problem):
    """`retry_after`: in how many seconds it is allowed again."""

    status = 429
    code = "rate_limited"

    def __init__(self, retry_after: int) -> None:
        detail = _("That was too often. Try again in %(seconds)s seconds.")
        super().__init__(detail % {"seconds": retry_after}, retry_after=retry_after)


def require_allowance(key: str, *, most: int, seconds: int, now: datetime) -> None:
    """Count one use in the window of `seconds` that has begun; raise TooOften above `most`."""
    window = int(now.timestamp() // seconds)
    name = f"limit:{key}:{seconds}:{window}"
    try:
        cache.add(name, 0, timeout=seconds * 2)
        used = cache.incr(name)
    except (RedisError, ValueError):
        # without Redis nobody is kept out; nor if the count was dropped in between
        return
    if used > most:
        raise TooOften(max(1, round((window + 1) * seconds - now.timestamp())))


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
        self._left = min(self._burst, self._left + (now - self._seen) * self._rate)
        self._seen = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
