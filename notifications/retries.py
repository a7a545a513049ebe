"""When something that was not sent is tried again: pure functions of what happened.

The pauses grow over three days, and each is a tenth longer or shorter by chance, so that what
failed together does not come back together.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

# after the first try, the second, …; together three days
PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=18),
    timedelta(hours=22),
)
JITTER = 0.1
# a receiver that has taken nothing for so long is sent nothing more
PATIENCE = timedelta(days=5)


def pause(tries: int, *, asked: timedelta | None, dice: Random) -> timedelta | None:
    """How long to wait after so many tries, None to give up; never less than was asked for."""
    if tries > len(PAUSES):
        return None
    planned = PAUSES[tries - 1] * dice.uniform(1 - JITTER, 1 + JITTER)
    return max(planned, asked or planned)


def is_hopeless(*, failing_since: datetime | None, now: datetime) -> bool:
    """Whether a receiver has failed for too long."""
    return failing_since is not None and now - failing_since >= PATIENCE
