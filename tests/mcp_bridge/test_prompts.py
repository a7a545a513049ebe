"""Beginnings of conversations: in the caller's language, and the report for staff alone."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError

from catalog.models import Variant
from museo.access.callers import Caller
from tests.mcp_bridge.conftest import Connect, buy, person, program, said

Speak = Callable[[Caller], None]


async def text(client: Client, name: str, **given: str) -> str:
    found = await client.get_prompt(name, given)
    return said([message.content for message in found.messages])


async def names(client: Client) -> list[str]:
    return [each.name for each in (await client.list_prompts(cache_mode="bypass")).prompts]


async def test_a_shopper_begins_to_order_and_asks_where_it_is(connect: Connect, era: str) -> None:
    async with connect(era) as client:
        listed = (await client.list_prompts()).prompts
        order = await text(client, "order_something", wish="a blue bowl")
        anything = await text(client, "order_something")
        where = await text(client, "where_is_my_order", order_id="ORD-1")
        all_of_them = await text(client, "where_is_my_order")

    assert [each.name for each in listed] == ["order_something", "where_is_my_order"]
    assert all(each.title and each.description for each in listed)
    assert order.startswith("I would like to order: “a blue bowl”.\nFind it with search_products")
    assert anything.startswith("I would like to order something. Ask me what.")
    assert where.startswith("Where is my order ORD-1?\nLook with track_order")
    assert "museo://me/orders" in all_of_them


async def test_a_prompt_speaks_the_callers_language(connect: Connect, speak: Speak) -> None:
    speak(replace(Caller(), locale="de"))
    async with connect() as client:
        german = await text(client, "where_is_my_order", order_id="ORD-1")

    assert german.startswith("Wo ist meine Bestellung ORD-1?")


async def test_the_report_is_for_staff(
    phone: Variant, connect: Connect, speak: Speak, era: str
) -> None:
    async with connect(era) as client:
        order = await buy(client)
        for caller in (Caller(), await person("maya@example.org"), await program("orders:read")):
            speak(caller)
            assert "daily_report" not in await names(client)
            with pytest.raises(MCPError) as caught:
                await client.get_prompt("daily_report")
            assert caught.value.error.code == -32602
        speak(await person("catalogue@example.org", "catalogue"))
        with pytest.raises(MCPError, match="Only staff who may see all orders"):
            await client.get_prompt("daily_report")
        speak(await program("orders:write"))
        assert "daily_report" in await names(client)
        report = await text(client, "daily_report")

    assert '"orders":1' in report
    # figures, and nothing of persons
    assert order["number"] not in report
    assert "maya" not in report


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("order_dinner", {}),
        ("order_something", {"colour": "red"}),
        ("order_something", {"wish": "a" * 501}),
    ],
)
async def test_a_prompt_that_is_not_there_is_a_clear_error(
    connect: Connect, era: str, name: str, given: dict[str, str]
) -> None:
    async with connect(era) as client:
        with pytest.raises(MCPError) as caught:
            await client.get_prompt(name, given)

    assert caught.value.error.code == -32602
    assert caught.value.error.message
