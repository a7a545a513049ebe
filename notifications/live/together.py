"""Questions that come within a moment are answered together.

Thousands of clients come back at once when a process has died. Each would cost its own queries;
together they cost those of a few hundred milliseconds' worth of clients.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")

SHORTEST_PAUSE_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 0.25
# the pause after a batch grows with it: the more come, the more are waited for
PAUSE_SECONDS_EACH = 0.001
MOST_AT_ONCE = 500


class Together(Generic[Question, Answer]):
    """Asks `answer` about many questions at once; the first of a quiet time does not wait."""

    def __init__(self, answer: Callable[[Sequence[Question]], Awaitable[Sequence[Answer]]]) -> None:
        self._answer = answer
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Answer:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting[:MOST_AT_ONCE]
                del self._waiting[:MOST_AT_ONCE]
                await self._settle(batch)
                pause = len(batch) * PAUSE_SECONDS_EACH
                await asyncio.sleep(min(max(pause, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS))
        finally:
            self._task = None

    async def _settle(self, batch: Sequence[tuple[Question, asyncio.Future[Answer]]]) -> None:
        futures = [future for _question, future in batch]
        try:
            answers = await self._answer([question for question, _future in batch])
        except Exception as error:
            for future in futures:
                if not future.done():
                    future.set_exception(error)
            return
        for future, answer in zip(futures, answers, strict=True):
            # whoever has gone meanwhile is not waiting any more
            if not future.done():
                future.set_result(answer)
