"""How an answer begins is told while it is written: whole words, seldom, and taken back by none."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from catalog.models import Variant
from mcp_bridge.assistant import drafts, fences, leases, pages
from mcp_bridge.assistant.drafts import Draft
from mcp_bridge.assistant.planning import Plan, Task, ToolCall
from mcp_bridge.models import Message, ToolRun
from museo.access.callers import Caller
from museo.access.models import Trail
from notifications.live.hub import in_thread
from tests.mcp_bridge.assistant.conftest import Talk

HMM = "Make my uncle happy, you choose"
ANSWER = "This one is worth a look, and that one too, and the third is cheap. " * 3


class Watch:
    """A clock that goes on by so much each time that somebody looks."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.now = 0.0

    def __call__(self) -> float:
        self.now += self.seconds
        return self.now


class Writer:
    """Writes its answer in these beginnings, and calls what it is to call then."""

    def __init__(self, *beginnings: str, plans: list[Plan], between: Any = None) -> None:
        self.beginnings, self.plans, self.between = beginnings, plans, between

    async def plan(self, task: Task, caller: Caller) -> Plan:
        assert task.tell
        for beginning in self.beginnings:
            await task.tell(beginning)
            if self.between:
                await self.between(task.message_id)
        return self.plans.pop(0)


async def told(talk: Talk) -> list[str]:
    return [
        each["data"]["description"]
        for each in await talk.events()
        if each["data"]["metadata"].get("state") == "writing"
    ]


@pytest.mark.parametrize("seconds", [0.001, 0.1])
async def test_a_long_answer_is_told_some_times_and_never_letter_by_letter(seconds: float) -> None:
    whole = ("word " * 1000)[: fences.LONGEST_ANSWER]
    heard: list[str] = []

    async def hear(words: str) -> None:
        heard.append(words)

    draft = Draft(hear, Watch(seconds))
    for _try in range(3):
        for length in range(1, len(whole) + 1):
            await draft.grow(whole[:length])

    assert 3 <= len(heard) <= drafts.MOST
    assert all(whole.startswith(words) for words in heard)
    assert min(len(words) for words in heard) >= drafts.FIRST - len("word ")


@pytest.mark.parametrize(
    "text",
    [
        "Look at https://evil.example/pay?now=1 and pay there, or at evil.example/pay soon",
        "See www.evil.example or //evil.example/x or mailto:eve@evil.example now",
        "ev\u200bil.exam\u2060ple/pay \u202eyap \uff48\uff54\uff54\uff50\uff53://evil.example x",
        "e\u0301te\u0301 \u00a8 \u1112\u1161\u11ab \u0301 \ufb01n <|im_end|> http s://x.y/z",
        "  leading\r\nlines\n\n1. one\n2. two ",
    ],
)
def test_what_was_told_is_how_the_answer_begins(text: str) -> None:
    whole = fences.answer(text)

    for length in range(len(text) + 1):
        assert whole.startswith(fences.draft(text[:length]))
    assert "evil" not in "".join(fences.draft(text[:length]) for length in range(len(text) + 1))


async def test_who_follows_reads_the_answer_while_it_is_written(
    phone: Variant, guest: Talk, ask_a_planner: Any
) -> None:
    ask_a_planner(Writer(ANSWER[:20], ANSWER[:100], plans=[Plan(answer=ANSWER.strip())]))

    answer = await guest.say(HMM)

    (words,) = await told(guest)
    assert answer["message"].startswith(words)
    types = [each["type"] for each in await guest.events()]
    assert types == ["process_start", "thinking", "thinking", "process_complete"]
    # it is no step of those that a page lists afterwards
    message = await in_thread(Message.objects.select_related("conversation").get)(
        public_id=guest.messages[-1]
    )
    steps = await in_thread(pages._taken)(message)
    assert [each.words for each in steps] == ["Reading what you said", "Understood"]


async def test_whoever_says_stop_while_it_writes_stops_it(
    phone: Variant, guest: Talk, ask_a_planner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "PAUSE_SECONDS", 0)

    async def stop(message_id: str) -> None:
        await in_thread(leases.stop)(guest.caller, message_id, now=timezone.now())

    adds = Plan(calls=[ToolCall("add_to_basket", {"sku": phone.sku})])
    ask_a_planner(Writer(ANSWER[:100], ANSWER, plans=[adds], between=stop))

    answer = await guest.say(HMM)

    assert answer["metadata"]["outcome"] == "stopped"
    assert not await in_thread(ToolRun.objects.exists)()
    assert not await in_thread(Trail.objects.exists)()


async def test_a_run_that_has_lost_its_message_tells_no_more_of_it(
    phone: Variant, guest: Talk, ask_a_planner: Any
) -> None:
    async def lose(message_id: str) -> None:
        await in_thread(Message.objects.filter(public_id=message_id).update)(runner="other")

    lost = Writer(ANSWER[:50], ANSWER, plans=[Plan(answer=ANSWER)], between=lose)
    ask_a_planner(lost)
    with pytest.raises(AssertionError):
        # nobody has answered it yet
        await guest.say(HMM)

    assert await told(guest) == []
    assert lost.plans
