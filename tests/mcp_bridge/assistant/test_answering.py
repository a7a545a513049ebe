"""A message becomes steps, tool calls and one answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.utils import timezone

from catalog.models import Variant
from museo.access.callers import Caller
from museo.access.models import Trail, User
from notifications.live.hub import in_thread
from orders import baskets, checkout, places, tracking
from orders.details import Details
from orders.models import Order
from tests.mcp_bridge.assistant.conftest import Talk
from tests.mcp_bridge.conftest import SKU, person

DETAILS: dict[str, Any] = {
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


async def test_what_comes_near_is_shown_where_nothing_is_quite_it(
    phone: Variant, guest: Talk
) -> None:
    near = await guest.say("Find me an iPhone 15, something blue maybe, for my nan")
    nothing = await guest.say("Do you have unicorns?")

    assert near["message"].startswith("Nothing is quite that; this is near it. There is one: iPh")
    assert [each["name"] for each in near["data"]["products"]["results"]] == ["iPhone 15"]
    assert nothing["message"].startswith("I found nothing for that.")


async def test_who_is_asked_for_a_number_may_want_another_thing(
    phone: Variant, guest: Talk
) -> None:
    asked = await guest.say("Where is my order?")
    found = await guest.say("Do you have iPhone 15?")
    again = await guest.say("Where is my order?")
    unknown = await guest.say("it was the blue one")

    assert asked["message"] == again["message"] == unknown["message"]
    assert found["message"].startswith("There is one: iPhone 15")


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


async def test_whoever_was_shown_an_order_does_not_buy_as_its_buyer(
    phone: Variant, guest: Talk
) -> None:
    shown = await in_thread(_shared)()
    caller = replace(await person("sam@example.org"), tickets=(shown,))
    sam = replace(guest, caller=caller)
    await sam.say("Do you have iPhone 15?")
    await sam.say("Add it to my basket")

    form = await sam.say("I want to pay")
    newest = await sam.say("Where is my order?")
    await in_thread(_keep_a_place)()
    question = await replace(sam, conversation_id="").say("I want to pay")

    assert [each["value"] for each in form["data"]["form"]["fields"]] == [""] * 6
    assert "order" not in newest["data"]
    assert "Sam Okafor" in str(question["data"]["confirm"])
    assert "Maya" not in str([form, newest, question])


async def test_what_is_no_address_is_asked_for_again(phone: Variant, guest: Talk) -> None:
    await guest.say("Do you have iPhone 15?")
    await guest.say("Add it to my basket")

    form = await guest.say("I want to pay", details={**DETAILS, "address": "Museum Street 1"})

    assert form["data"]["kind"] == "form"


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


def _shared() -> str:
    """What shows an order of Maya's."""
    now = timezone.now()
    basket = Caller(basket_token=baskets.add(Caller(), sku=SKU, quantity=1, now=now).token)
    placed = checkout.place(basket, Details(**DETAILS), now=now, speed=1)
    return tracking.share(Caller(tickets=(placed.ticket,)), placed.order.number, now=now)


def _keep_a_place() -> None:
    places.keep(User.objects.get(email="sam@example.org"), {**DETAILS, "name": "Sam Okafor"})
