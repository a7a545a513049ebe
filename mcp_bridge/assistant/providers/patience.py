"""When a model is asked again, and when it is left alone: pure of clocks and chance.

A pause grows with each try and is up to half shorter by chance, so that those who failed together
do not come back together. Who has failed too often in a row is not asked at all for a while; then
one question finds out.
"""

from __future__ import annotations

from random import Random

TRIES = 3
FIRST_PAUSE = 0.5
# failures in a row, and the seconds after them
BREAKS_AFTER = 5
RESTS_FOR = 30.0


def pause(tries: int, *, asked: float | None, dice: Random) -> float | None:
    """Seconds to wait after so many tries, never less than was asked for; None to give up."""
    if tries >= TRIES:
        return None
    planned: float = FIRST_PAUSE * 2 ** (tries - 1) * dice.uniform(0.5, 1)
    return max(planned, asked or 0.0)


class Breaker:
    """Of one provider, in this process; times are in seconds of any clock."""

    def __init__(self) -> None:
        self._failures = 0
        self._rests_until = 0.0

    def lets_through(self, now: float) -> bool:
        """Whether to ask now; of those who come after the rest, the first is to find out."""
        if self._failures < BREAKS_AFTER:
            return True
        if now < self._rests_until:
            return False
        self._rests_until = now + RESTS_FOR
        return True

    def is_open(self, now: float) -> bool:
        """Whether nobody is let through."""
        return self._failures >= BREAKS_AFTER and now < self._rests_until

    def worked(self) -> None:
        self._failures = 0

    def failed(self, now: float) -> None:
        self._failures += 1
        self._rests_until = now + RESTS_FOR
