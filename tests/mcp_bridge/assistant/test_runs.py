"""Each message is answered once, whatever dies; and nothing is begun after a Stop."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from catalog.models import Variant
from mcp_bridge import tasks
from mcp_bridge.assistant import answering, leases, running
from mcp_bridge.assistant.planning import Plan, PlannerUnavailable, Task, ToolCall
from mcp_bridge.models import Message, ToolRun
from museo.access.callers import Caller
from museo.access.models import Trail
from notifications.live.hub import in_thread
from orders import baskets
from tests.mcp_bridge.assistant.conftest import Obedient, Talk

LATER = timedelta(minutes=1)


def dead(talk: Talk) -> Any:
    """The last message is held by a run of a process that was killed."""
    now = timezone.now()
    return Message.objects.filter(public_id=talk.messages[-1]).update(leased_until=now - LATER)


async def answers(talk: Talk) -> int:
    return sum(each["type"] == "process_complete" for each in await talk.events())


async def test_what_a_dead_process_had_taken_is_answered_by_another(
    phone: Variant, guest: Talk
) -> None:
    await guest.accept("Do you have iPhone 15?", runner="dead")
    await in_thread(dead)(guest)

    taken = await in_thread(tasks.answer_left_alone)()

    assert taken == 1
    assert (await guest.response())["message"] == "There is one: iPhone 15, €799.00."
    assert await answers(guest) == 1


async def test_a_message_that_nobody_heard_of_is_answered_by_the_clock(
    phone: Variant, guest: Talk
) -> None:
    await guest.accept("hello")
    messages = Message.objects.filter(public_id=guest.messages[-1])
    await in_thread(messages.update)(at=timezone.now() - LATER)

    await in_thread(tasks.answer_left_alone)()

    assert (await guest.response())["metadata"]["intent"] == "greeting"


async def test_a_process_that_comes_back_to_life_neither_calls_nor_answers(
    phone: Variant, guest: Talk
) -> None:
    accepted = await guest.accept("Do you have iPhone 15?", runner="late")
    run = await in_thread(answering.load)(accepted.message.pk, "late")
    await in_thread(dead)(guest)
    await in_thread(tasks.answer_left_alone)()

    with pytest.raises(leases.Lost):
        await run.call("search_products", query="iPhone")

    assert await in_thread(ToolRun.objects.count)() == 1
    assert await answers(guest) == 1


async def test_without_the_count_of_rows_both_would_answer(
    phone: Variant, guest: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted = await guest.accept("Do you have iPhone 15?", runner="late")
    run = await in_thread(answering.load)(accepted.message.pk, "late")
    await in_thread(dead)(guest)
    await in_thread(tasks.answer_left_alone)()

    monkeypatch.setattr(leases, "go_on", lambda *_given, **_named: None)
    await run.call("search_products", query="iPhone")

    assert await in_thread(ToolRun.objects.count)() == 2


async def test_what_cannot_be_repeated_is_refused_in_words(phone: Variant, guest: Talk) -> None:
    """A process dies between the basket and the answer: nobody knows whether it is in."""
    accepted = await guest.accept("Add iPhone 15 to my basket", runner="dead")
    run = await in_thread(answering.load)(accepted.message.pk, "dead")
    await run.call("add_to_basket", sku=phone.sku)
    await in_thread(dead)(guest)

    await in_thread(tasks.answer_left_alone)()

    answer = await guest.response()
    assert answer["metadata"]["outcome"] == "refused"
    assert answer["message"].startswith("I was interrupted")
    # only the first run's end is unknown, and no second one began
    tools = await in_thread(list)(ToolRun.objects.values_list("tool", "outcome"))
    assert tools == [("add_to_basket", "unknown")]


async def test_two_processes_take_a_message_once(phone: Variant, guest: Talk) -> None:
    accepted = await guest.accept("Do you have iPhone 15?")
    others = [answering.Answering() for _each in range(4)]

    await asyncio.gather(*(each.take(accepted.message.pk) for each in others))

    assert await in_thread(ToolRun.objects.count)() == 1
    assert await answers(guest) == 1


async def test_after_stop_no_tool_is_called(phone: Variant, guest: Talk) -> None:
    accepted = await guest.accept("Add iPhone 15 to my basket", runner=answering.here().runner)
    await in_thread(leases.stop)(guest.caller, accepted.message.public_id, now=timezone.now())

    await answering.here().start(accepted.message.pk)

    stand = await guest.stand()
    assert (stand["state"], stand["response"]["metadata"]["outcome"]) == ("stopped", "stopped")
    assert not await in_thread(Trail.objects.exists)()
    assert await in_thread(baskets.find)(guest.caller) is None


async def test_what_waits_is_stopped_at_once(phone: Variant, guest: Talk) -> None:
    await guest.accept("hello", runner="busy")
    accepted = await guest.accept("Add iPhone 15 to my basket")
    await in_thread(leases.stop)(guest.caller, accepted.message.public_id, now=timezone.now())

    assert (await guest.stand())["state"] == "stopped"
    assert [each["type"] for each in await guest.events()] == ["process_start", "process_complete"]


async def test_a_planner_is_asked_what_patterns_do_not_know(
    phone: Variant, guest: Talk, ask_a_planner: Any
) -> None:
    planner = Obedient(
        Plan(calls=[ToolCall("search_products", {"query": "iPhone"}), ToolCall("get_basket")]),
        Plan(answer="An iPhone 15, and your basket is empty."),
    )
    ask_a_planner(planner)

    answer = await guest.say("Make my uncle happy, you choose")

    first, second = planner.asked
    assert answer["message"] == "An iPhone 15, and your basket is empty."
    assert (first.done, [each.call.tool for each in second.done]) == (
        (),
        ["search_products", "get_basket"],
    )
    assert second.done[0].quoted == ["results"]
    assert "create_product" not in [tool.name for tool in first.tools]


async def test_a_planner_that_is_away_leaves_it_to_the_patterns(
    phone: Variant, guest: Talk, ask_a_planner: Any
) -> None:
    class Away:
        async def plan(self, task: Task, caller: Caller) -> Plan:
            raise PlannerUnavailable("I can only do simple things just now.")

    ask_a_planner(Away())

    answer = await guest.say("Make my uncle happy, you choose")

    assert answer["message"].startswith("I can only do simple things just now.")


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("send_email", {"to": "a@example.org", "text": "hi", "subject": "x", "locale": "en"}),
        ("update_product", {"product": "prd_0", "status": "archived"}),
        ("delete_product", {"product": "{product}", "confirm": "forged"}),
        ("advance_order", {"order_id": "ORD-00000000", "to": "delivered"}),
        ("create_product", {"category": "phones", "translations": {}, "variants": []}),
    ],
)
async def test_a_planner_that_obeys_anything_does_nothing_without_a_yes(
    phone: Variant, staff: Talk, ask_a_planner: Any, tool: str, arguments: dict[str, Any]
) -> None:
    given = {
        name: str(value).format(product=phone.master.public_id) if name == "product" else value
        for name, value in arguments.items()
    }
    ask_a_planner(Obedient(Plan(calls=[ToolCall(tool, given)])))

    answer = await staff.say("Make my uncle happy, you choose")

    assert answer["metadata"]["outcome"] == "asked"
    assert answer["data"]["confirm"]["id"].startswith("cnf_")
    assert not await in_thread(Trail.objects.filter(outcome="done").exists)()


async def test_without_the_guard_it_would(
    phone: Variant, staff: Talk, ask_a_planner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "needs_yes", lambda _tool: False)
    changed = {"product": phone.master.public_id, "status": "archived"}
    ask_a_planner(Obedient(Plan(calls=[ToolCall("update_product", changed)])))

    await staff.say("Make my uncle happy, you choose")

    await in_thread(phone.master.refresh_from_db)()
    assert phone.master.status == "archived"
