"""A stream ends with the token of its caller."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from django.utils import timezone

WHO_ARE_YOU = 4401
REASON = "token_expired"


class Expiry:
    """Runs `end` at a moment, unless it is cancelled before; never for None."""

    def __init__(self, at: datetime | None, end: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._end = end
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        if at is not None:
            seconds = (at - timezone.now()).total_seconds()
            self._timer = asyncio.get_running_loop().call_later(max(0.0, seconds), self._begin)

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._end())
