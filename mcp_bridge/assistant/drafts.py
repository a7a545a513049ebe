"""How an answer begins, told while a planner still writes it: now and then, not word by word.

Each time all of it is told that is written so far, as a step of its own (`Run.begin_answer`). The
pauses grow with it, and there are so many in a message at most; so a reader who comes back needs
only the last one, and the log is not filled with words.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from mcp_bridge.assistant import fences

# letters: few words may yet turn out to lead up to a wish
FIRST = 80
# from one time to the next, whichever is more
LETTERS_MORE, TIMES_MORE = 40, 1.15
PAUSE_SECONDS = 0.25
MOST = 24


@dataclass
class Draft:
    """Of one message, however many replies it takes."""

    tell: Callable[[str], Awaitable[None]]
    clock: Callable[[], float] = time.monotonic
    _written: int = field(default=0, init=False)
    _due: int = field(default=FIRST, init=False)
    _told: int = field(default=0, init=False)
    _rests_until: float = field(default=0.0, init=False)

    async def grow(self, text: str) -> None:
        """What is written so far; shorter than before of another reply."""
        if len(text) < self._written:
            self._due = FIRST
        self._written = len(text)
        if not self._due <= len(text) <= fences.LONGEST_ANSWER:
            return
        if self._told >= MOST or self.clock() < self._rests_until:
            return
        self._due = int(max(len(text) + LETTERS_MORE, len(text) * TIMES_MORE))
        if words := fences.draft(text):
            self._told += 1
            await self.tell(words)
            self._rests_until = self.clock() + PAUSE_SECONDS
