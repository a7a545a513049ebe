"""A message becomes steps, tool calls and one answer."""

from __future__ import annotations

from typing import Any

from catalog.models import Variant
from museo.access.models import Trail
from notifications.live.hub import in_thread
from orders.models import Order
from tests.mcp_bridge.assistant.conftest import Talk

DETAILS = {
    "email": "maya@example.org",
    "name": "Maya Okafor",
    "address": {
        "line1": "Museum Street 1",
        "city": "Helsinki",
        "postal_code": "00130",
        "country": "FI",
    },
}


async def test_a_question_is_answered_in_steps(phone: Variant, guest: Talk) -> None:
    answer = await guest.say("Do you have iPhone 15?")

    told = await guest.events()
    assert answer["message"] == "There is one: iPhone 15, €799.00."
    assert [each["name"] for each in answer["data"]["products"]["results"]] == ["iPhone 15"]
    assert [each["type"] for each in told] == [
        "process_start",
        "thinking",
        "tool_selection",
        "tool_execution",
        "tool_execution",
        "artifact_creation",
        "process_complete",
    ]
    assert told[-1]["data"]["response"] == answer
    assert _rises([each["data"]["progress"] for each in told])
    assert _rises([each["data"]["step"] for each in told])
    assert told[-1]["data"]["progress"] == 100


async def test_an_order_is_placed_by_a_click_and_by_nothing_else(
    phone: Variant, guest: Talk
) -> None:
    await guest.say("Do you have iPhone 15?")
    basket = await guest.say("Add it to my basket")
    form = await guest.say("I want to pay")
    question = await guest.say(details=DETAILS)
    typed = await guest.say("yes")
    assert await _orders() == 0

    bought = await guest.say(confirm=question["data"]["confirm"]["id"])
    again = await guest.say(confirm=question["data"]["confirm"]["id"])
    followed = await guest.say("Where is my order?")

    assert basket["data"]["basket"]["lines"][0]["quantity"] == 1
    assert "token" not in str(basket["data"]["basket"].keys())
    assert form["data"]["kind"] == "form"
    assert question["data"]["confirm"]["spends"]
    assert typed["data"]["confirm"]["id"] == question["data"]["confirm"]["id"]
    assert bought["data"]["order"]["number"].startswith("ORD-")
    assert again["metadata"]["outcome"] == "refused"
    assert followed["data"]["order"]["order_id"] == bought["data"]["order"]["number"]
    assert await _orders() == 1


async def test_every_tool_call_is_in_the_trail_with_its_conversation(
    phone: Variant, guest: Talk
) -> None:
    await guest.say("Do you have iPhone 15?")
    await guest.say("Add it to my basket")

    rows = await in_thread(list)(
        Trail.objects.order_by("pk").values_list("what", "conversation", "outcome")
    )
    assert rows == [
        ("mcp.search_products", guest.conversation_id, "done"),
        ("mcp.add_to_basket", guest.conversation_id, "done"),
    ]


def _rises(values: list[Any]) -> bool:
    return values == sorted(values)


async def _orders() -> int:
    return await in_thread(Order.objects.count)()
