"""Questions of many clients are asked of the database together."""

import asyncio
from collections.abc import Sequence

import pytest

from notifications.live.together import Together


class Asked:
    """Answers each question with its double, when told to; notes what was asked at once."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_answer = asyncio.Event()

    async def __call__(self, questions: Sequence[int]) -> list[int]:
        self.batches.append(list(questions))
        await self.may_answer.wait()
        if -1 in questions:
            raise LookupError("no answer")
        return [2 * question for question in questions]


async def test_what_comes_while_one_is_answered_is_asked_at_once() -> None:
    asked = Asked()
    together = Together(asked)
    first = asyncio.create_task(together.ask(1))
    await asyncio.sleep(0)
    rest = [asyncio.create_task(together.ask(number)) for number in range(2, 200)]
    await asyncio.sleep(0)
    asked.may_answer.set()

    async with asyncio.timeout(20):
        answers = await asyncio.gather(first, *rest)

    assert answers == [2 * number for number in range(1, 200)]
    assert asked.batches == [[1], list(range(2, 200))]


async def test_a_failure_reaches_all_who_asked_and_the_next_are_answered() -> None:
    asked = Asked()
    asked.may_answer.set()
    together = Together(asked)

    async with asyncio.timeout(20):
        failed = await asyncio.gather(together.ask(-1), together.ask(1), return_exceptions=True)
        answer = await together.ask(2)

    assert [type(each) for each in failed] == [LookupError, LookupError]
    assert answer == 4


async def test_who_has_gone_holds_nobody_up() -> None:
    asked = Asked()
    together = Together(asked)
    gone = asyncio.create_task(together.ask(1))
    stays = asyncio.create_task(together.ask(2))
    await asyncio.sleep(0)
    gone.cancel()
    asked.may_answer.set()

    async with asyncio.timeout(20):
        assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone
