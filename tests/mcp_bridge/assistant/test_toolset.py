"""The intent toolset over MCP: what was meant, what is missing, what to say next."""

from collections.abc import Callable
from typing import Any

from mcp.client.client import Client

from catalog.models import Variant
from museo.access.callers import Caller
from notifications.live.hub import in_thread
from tests.mcp_bridge.conftest import SKU, Connect
from tests.mcp_bridge.test_matrix import World

Speak = Callable[[Caller], None]


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.structured_content
    return dict(result.structured_content or {})


async def test_a_sentence_becomes_a_call_of_a_tool(phone: Variant, connect: Connect) -> None:
    async with connect() as client:
        found = await call(client, "analyze_intent", message="add 2 iPhone 15 to my basket")
        mapped = await call(
            client, "validate_mapping", intent=found["intent"], entities=found["entities"]
        )
        basket = await call(client, mapped["tool"], **mapped["arguments"])

    assert found["intent"] == "add_to_basket"
    assert found["confidence"] > 0.9
    assert found["entities"]["quantity"] == 2
    assert mapped["valid"] is True
    assert mapped["arguments"] == {"sku": SKU, "quantity": 2}
    assert [line["quantity"] for line in basket["lines"]] == [2]


async def test_what_is_missing_is_asked_in_the_callers_language(
    phone: Variant, connect: Connect
) -> None:
    async with connect() as client:
        found = await call(
            client, "analyze_intent", message="storniere meine Bestellung", locale="de"
        )
        nothing = await call(
            client, "validate_mapping", intent="product_details", entities={"product": "Zeppelin"}
        )

    assert found["missing"] == ["order_number"]
    assert found["asks_for_a_yes"] is True
    assert found["message"] == "Eine Bestellung stornieren. Wie lautet die Nummer der Bestellung?"
    assert nothing["valid"] is False
    assert nothing["missing"] == ["product"]
    assert "Zeppelin" in nothing["message"]


async def test_another_language_than_the_callers_is_understood(
    phone: Variant, connect: Connect
) -> None:
    async with connect() as client:
        found = await call(client, "analyze_intent", message="أين طلبي؟", locale="en")

    assert (found["intent"], found["language"]) == ("track_order", "ar")


async def test_what_only_staff_may_do_is_not_open_to_shoppers(
    phone: Variant, connect: Connect, speak: Speak
) -> None:
    world = await in_thread(World)(phone)
    said = "change the price of the iPhone 15 to 749 euros"
    async with connect() as client:
        closed = await call(client, "analyze_intent", message=said)
        offered = await call(client, "get_suggestions", text="")
        speak(world.people["catalogue"])
        opened = await call(client, "analyze_intent", message=said)
        to_staff = await call(client, "get_suggestions", text="change the pr")

    assert (closed["intent"], closed["tool"], closed["allowed"]) == (
        "change_price",
        "update_product",
        False,
    )
    assert closed["message"] == "Only staff can use update_product."
    assert closed["arguments"] == {}
    assert opened["allowed"] is True
    assert opened["entities"]["price"] == 74900
    assert "Create a new product" not in offered["suggestions"]
    assert to_staff["suggestions"][0] == "Change the price of a product"


async def test_an_intent_that_is_none_is_refused(phone: Variant, connect: Connect) -> None:
    async with connect() as client:
        result = await client.call_tool("validate_mapping", {"intent": "dance", "entities": {}})

    assert result.is_error
    assert result.structured_content["code"] == "unknown_intent"
    assert "create_product" not in result.structured_content["detail"]
