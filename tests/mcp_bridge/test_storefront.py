"""The shop as tools, through the official client of both eras, in memory."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from mcp.shared.exceptions import MCPError
from psycopg_pool import PoolTimeout

from catalog import products
from catalog.models import Modifier, ModifierGroup, StockItem, Variant
from mcp_bridge import prompts, resources
from mcp_bridge.toolsets import ALL
from notifications.live.hub import in_thread
from orders.models import Basket, Order, OrderLine
from orders.payments import links
from tests.mcp_bridge.conftest import (
    ADDRESS,
    BUYER,
    SKU,
    Connect,
    advance,
    buy,
    call,
    refused,
    said,
)

DOCS = Path(__file__).parents[2] / "docs" / "mcp.md"


async def test_a_guest_buys_an_iphone_in_a_chat(phone: Variant, connect: Connect, era: str) -> None:
    async with connect(era) as client:
        found = await call(client, "search_products", query="iphone 15")
        product = await call(client, "get_product_info", product=found["results"][0]["slug"])
        basket = await call(client, "add_to_basket", sku=product["variants"][0]["sku"], quantity=1)
        buyer = {**BUYER, "basket_token": basket["basket_token"]}

        question = await call(client, "place_order", **buyer)
        order = await call(client, "place_order", **buyer, confirm=question["confirm"])
        track = await call(
            client, "track_order", order_id=order["order_id"], ticket=order["ticket"]
        )
        about = client.server_info

    assert about is not None
    assert about.name == "museo-mcp-orchestrator"
    assert found["next"] is None
    assert basket["lines"][0]["unit_price"] == {"amount": 79900, "currency": "EUR"}
    assert question["summary"]["total"] == {"amount": 80290, "currency": "EUR"}
    assert order["number"] == order["order_id"]
    assert order["status"] == "placed"
    assert order["subscribed"] is True
    assert order["uri"] == f"museo://orders/{order['number']}?ticket={order['ticket']}"
    assert [step["code"] for step in order["upcoming"]] == [
        "confirmed",
        "preparing",
        "out_for_delivery",
        "delivered",
    ]
    assert (track["status"], track["step"], track["version"]) == ("placed", 0, 1)
    bought = await in_thread(Order.objects.get)(number=order["number"])
    assert (bought.total, bought.sales_channel) == (80290, "mcp")


async def test_what_a_chat_reads_is_friendly(phone: Variant, connect: Connect) -> None:
    async with connect() as client:
        basket = await call(client, "add_to_basket", sku=SKU, quantity=2)
        buyer = {**BUYER, "basket_token": basket["basket_token"]}
        question = await client.call_tool("place_order", buyer)
        confirm = question.structured_content["confirm"]
        placed = await client.call_tool("place_order", {**buyer, "confirm": confirm})

    asked, told = said(question.content), said(placed.content)
    assert "2 x iPhone 15: €1,598.00" in asked
    assert "**Total**: €1,601.90" in asked
    number = placed.structured_content["number"]
    assert told == (
        "✅ Order placed successfully!\n"
        "\n"
        f"**Order ID**: {number}\n"
        "**Status**: Placed\n"
        "**Estimated delivery**: 12 minutes\n"
        "\n"
        "🔔 **You'll receive automatic updates!**\n"
        "I'll notify you when:\n"
        "- Confirmed (2 minutes)\n"
        "- Preparing (4 minutes)\n"
        "- On the way (8 minutes)\n"
        "- Delivered (12 minutes)\n"
        "\n"
        "No need to ask - I'll keep you posted! 🍽️"
    )
    link = placed.content[1]
    assert link.type == "resource_link"
    assert link.uri == placed.structured_content["uri"]


async def test_a_guest_buys_a_dish_as_they_like_it(
    phone: Variant, connect: Connect, era: str
) -> None:
    await in_thread(offer_spice)(phone)
    async with connect(era) as client:
        (spice,) = (await call(client, "get_product_info", product=SKU))["modifiers"]
        asked = await refused(client, "add_to_basket", sku=SKU)
        unknown = await refused(client, "add_to_basket", sku=SKU, modifiers=["mild", "lime"])
        basket = await call(client, "add_to_basket", sku=SKU, modifiers=["hot"])
        buyer = {**BUYER, "basket_token": basket["basket_token"]}
        question = await client.call_tool("place_order", buyer)
        confirm = question.structured_content["confirm"]
        order = await call(client, "place_order", **buyer, confirm=confirm)

    assert (spice["name"], spice["minimum"], spice["maximum"]) == ("Spice", 1, 1)
    assert spice["choices"] == [
        {"code": "mild", "name": "Mild", "price": {"amount": 0, "currency": "EUR"}},
        {"code": "hot", "name": "Hot", "price": {"amount": 30, "currency": "EUR"}},
    ]
    assert (asked["code"], asked["detail"]) == ("bad_modifiers", "Spice: choose at least 1.")
    assert [error["pointer"] for error in unknown["errors"]] == ["/modifiers/1"]
    assert [each["name"] for each in basket["lines"][0]["modifiers"]] == ["Hot"]
    assert "- 1 x iPhone 15 (Hot): €799.30" in said(question.content)
    bought = await in_thread(OrderLine.objects.get)(order__number=order["number"])
    assert bought.unit_price == 79930
    assert bought.modifiers == [{"code": "hot", "name": "Hot", "price": 30}]


def offer_spice(variant: Variant) -> None:
    """From now on it is mild or, for 30 cents, hot."""
    spice = ModifierGroup.objects.create(
        master=variant.master, code="spice", name="Spice", minimum=1
    )
    for position, (code, price) in enumerate((("mild", 0), ("hot", 30))):
        Modifier.objects.create(
            master=variant.master,
            group=spice,
            code=code,
            name=code.title(),
            price=price,
            position=position,
        )


async def test_subscribing_answers_in_the_source_documents_words(
    phone: Variant, connect: Connect, era: str
) -> None:
    async with connect(era) as client:
        order = await buy(client)
        mine = {"order_id": order["number"], "ticket": order["ticket"]}
        result = await client.call_tool("subscribe_order_updates", mine)

    assert said(result.content) == (
        f"✅ Subscribed to updates for order {order['number']}. "
        "You'll receive automatic notifications when status changes."
    )
    assert result.structured_content == {
        "subscribed": True,
        "order_id": order["number"],
        "message": "You'll receive automatic updates!",
        "uri": order["uri"],
        "delivery": "listen" if era == "auto" else "session",
    }


async def test_every_tool_says_what_it_does_takes_and_answers(connect: Connect, era: str) -> None:
    async with connect(era) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}

    assert list(tools) == [
        "search_products",
        "get_product_info",
        "answer_question",
        "add_to_basket",
        "get_basket",
        "get_payment_link",
        "place_order",
        "track_order",
        "cancel_order",
        "analyze_intent",
        "validate_mapping",
        "get_suggestions",
        "subscribe_order_updates",
        "simulate_progress",
        "connection_status",
        "get_realtime_stats",
        "replay_events",
        "get_recent_events",
        "acknowledge_events",
    ]
    for tool in tools.values():
        assert tool.description
        assert tool.input_schema["type"] == "object"
        assert tool.input_schema["additionalProperties"] is False
        assert tool.output_schema
        assert tool.output_schema["type"] == "object"
    hints = {name: tool.annotations for name, tool in tools.items() if tool.annotations}
    assert [name for name, hint in hints.items() if hint.read_only_hint] == [
        "search_products",
        "get_product_info",
        "answer_question",
        "get_basket",
        "track_order",
        "analyze_intent",
        "validate_mapping",
        "get_suggestions",
        "connection_status",
        "get_realtime_stats",
        "replay_events",
        "get_recent_events",
    ]
    assert [name for name, hint in hints.items() if hint.destructive_hint] == [
        "place_order",
        "cancel_order",
    ]
    assert tools["subscribe_order_updates"].title == "Subscribe to Order Updates"
    meta = tools["subscribe_order_updates"].meta
    assert meta
    assert meta["openai/outputTemplate"] == "ui://widget/food-ordering.html"
    assert meta["openai/realtime"] is True
    assert tools["add_to_basket"].input_schema["properties"]["quantity"]["maximum"] == 999


async def test_a_person_pays_by_the_link_that_an_agent_asked_for(
    phone: Variant, connect: Connect, era: str
) -> None:
    async with connect(era) as client:
        basket = await call(client, "add_to_basket", sku=SKU)
        asked = await client.call_tool("get_payment_link", {"basket_token": basket["basket_token"]})
        on_invoice = await buy(client, payment={"provider": "manual", "token": "invoice"})
        owed = {"order_id": on_invoice["number"], "ticket": on_invoice["ticket"]}
        of_order = await call(client, "get_payment_link", **owed)
        without_ticket = await refused(client, "get_payment_link", order_id=owed["order_id"])

    link = asked.structured_content
    assert link["amount"] == {"amount": 79900, "currency": "EUR"}
    assert (link["state"], link["order_id"]) == ("open", None)
    assert said(asked.content) == f"💳 Pay €799.00 here, once: {link['url']}"
    assert of_order["order_id"] == owed["order_id"]
    assert of_order["amount"] == {"amount": 80290, "currency": "EUR"}
    assert without_ticket["code"] == "unknown_order"
    found = await in_thread(links.find)(link["url"].rpartition("/")[2])
    paid = await in_thread(links.pay)(
        found, method="ok", body=BUYER, locale="en", now=timezone.now(), speed=1.0
    )
    assert paid.order.total == 80290


async def test_nothing_is_bought_before_somebody_agreed(phone: Variant, connect: Connect) -> None:
    async with connect() as client:
        basket = await call(client, "add_to_basket", sku=SKU)
        buyer = {**BUYER, "basket_token": basket["basket_token"]}

        await call(client, "place_order", **buyer)
        problem = await refused(client, "place_order", **buyer, confirm="yes")

    assert problem["code"] == "confirmation_needed"
    assert await in_thread(Order.objects.count)() == 0


async def test_an_agreement_buys_once_however_often_it_is_sent(
    phone: Variant, connect: Connect
) -> None:
    async with connect() as client:
        basket = await call(client, "add_to_basket", sku=SKU)
        buyer = {**BUYER, "basket_token": basket["basket_token"]}
        confirm = (await call(client, "place_order", **buyer))["confirm"]

        first = await call(client, "place_order", **buyer, confirm=confirm)
        again = await call(client, "place_order", **buyer, confirm=confirm)

    assert again == first
    assert await in_thread(Order.objects.count)() == 1


async def test_an_agreement_sent_twice_at_once_buys_once(phone: Variant, connect: Connect) -> None:
    async with connect() as client:
        basket = await call(client, "add_to_basket", sku=SKU)
        buyer = {**BUYER, "basket_token": basket["basket_token"]}
        confirm = (await call(client, "place_order", **buyer))["confirm"]

        first, second = await asyncio.gather(
            *(call(client, "place_order", **buyer, confirm=confirm) for _time in range(2))
        )

    assert first == second
    assert await in_thread(Order.objects.count)() == 1


@pytest.mark.parametrize("changed", ["basket", "address", "price"])
async def test_an_agreement_is_to_one_purchase_only(
    phone: Variant, connect: Connect, changed: str
) -> None:
    async with connect() as client:
        basket = await call(client, "add_to_basket", sku=SKU)
        buyer = {**BUYER, "basket_token": basket["basket_token"]}
        confirm = (await call(client, "place_order", **buyer))["confirm"]
        if changed == "basket":
            await call(client, "add_to_basket", sku=SKU, basket_token=basket["basket_token"])
        if changed == "address":
            buyer["address"] = {**ADDRESS, "line1": "Elsewhere 2"}
        if changed == "price":
            await in_thread(phone.prices.update)(amount=89900)

        problem = await refused(client, "place_order", **buyer, confirm=confirm)

    assert problem["code"] == "confirmation_needed"
    assert await in_thread(Order.objects.count)() == 0


async def test_somebody_elses_agreement_is_none(phone: Variant, connect: Connect) -> None:
    async with connect() as client:
        theirs = await call(client, "add_to_basket", sku=SKU)
        mine = await call(client, "add_to_basket", sku=SKU)
        question = await call(client, "place_order", **BUYER, basket_token=theirs["basket_token"])

        problem = await refused(
            client,
            "place_order",
            **BUYER,
            basket_token=mine["basket_token"],
            confirm=question["confirm"],
        )

    assert theirs["basket_token"] != mine["basket_token"]
    assert problem["code"] == "confirmation_needed"


@pytest.mark.parametrize(
    ("token", "code"),
    [("declined", "payment_declined"), ("needs_action", "payment_action_required")],
)
async def test_a_payment_that_is_not_made_says_what_to_do(
    phone: Variant, connect: Connect, token: str, code: str
) -> None:
    async with connect() as client:
        basket = await call(client, "add_to_basket", sku=SKU)
        buyer = {
            **BUYER,
            "basket_token": basket["basket_token"],
            "payment": {"provider": "demo", "token": token},
        }
        confirm = (await call(client, "place_order", **buyer))["confirm"]

        problem = await refused(client, "place_order", **buyer, confirm=confirm)
        again = await refused(client, "place_order", **buyer, confirm=confirm)

    assert (problem["status"], problem["code"]) == (409, code)
    assert (again["status"], again["code"]) == (409, code)
    assert ("next_action" in problem) is (token == "needs_action")
    assert again.get("next_action") == problem.get("next_action")
    assert await in_thread(Order.objects.count)() == 0


BUY = {"email": "maya@example.org", "name": "Maya", "address": ADDRESS}


@pytest.mark.parametrize(
    ("tool", "arguments", "code", "pointer"),
    [
        ("add_to_basket", {"sku": SKU, "quantity": 0}, "quantity_out_of_range", "/quantity"),
        ("add_to_basket", {"sku": SKU, "quantity": -1}, "quantity_out_of_range", "/quantity"),
        ("add_to_basket", {"sku": SKU, "quantity": 10**9}, "quantity_out_of_range", "/quantity"),
        ("add_to_basket", {"sku": SKU, "quantity": 10**30}, "quantity_out_of_range", "/quantity"),
        ("add_to_basket", {"sku": SKU, "quantity": "many"}, "invalid", "/quantity"),
        ("add_to_basket", {"sku": SKU, "quantity": 1.5}, "invalid", "/quantity"),
        ("add_to_basket", {"sku": SKU, "quantity": None}, "invalid", "/quantity"),
        ("add_to_basket", {"sku": SKU, "quantity": 11}, "sold_out", None),
        ("add_to_basket", {"sku": "NONE"}, "unknown_product", None),
        ("add_to_basket", {"sku": f"{SKU}\x00"}, "invalid", ""),
        ("add_to_basket", {"sku": ["a"]}, "invalid", "/sku"),
        ("add_to_basket", {}, "invalid", "/sku"),
        ("add_to_basket", {"sku": SKU, "colour": "red"}, "invalid", "/colour"),
        ("get_basket", {"basket_token": "nobody's"}, "unknown_basket", None),
        ("get_payment_link", {}, "nothing_to_pay", None),
        ("get_payment_link", {"basket_token": "nobody's"}, "unknown_basket", None),
        ("get_payment_link", {"order_id": "ORD-NONE"}, "unknown_order", None),
        ("get_payment_link", {"order_id": "ORD-NONE", "ticket": 1}, "invalid", "/ticket"),
        ("search_products", {"query": "a", "limit": 0}, "invalid", "/limit"),
        ("search_products", {"query": "a", "limit": 10**9}, "invalid", "/limit"),
        ("search_products", {"query": "a" * 300}, "invalid", "/query"),
        ("search_products", {"query": "a", "cursor": "nonsense"}, "bad_cursor", "/cursor"),
        ("search_products", {"query": "a", "locale": {"a": 1}}, "invalid", "/locale"),
        ("get_product_info", {"product": "no-such"}, "unknown_product", None),
        ("place_order", {**BUY, "basket_token": "nobody's"}, "unknown_basket", None),
        ("place_order", BUY, "basket_empty", None),
        ("place_order", {**BUY, "email": "maya"}, "invalid", "/email"),
        ("place_order", {**BUY, "address": None}, "invalid", "/address/line1"),
        ("place_order", {**BUY, "address": {"line1": "a"}}, "invalid", "/address/city"),
        ("place_order", {**BUY, "delivery": "drone"}, "invalid", "/delivery"),
        ("place_order", {**BUY, "payment": {"provider": "gold"}}, "invalid", "/payment/provider"),
        ("place_order", {**BUY, "confirm": "a.b.c"}, "confirmation_needed", None),
        ("track_order", {"order_id": "ORD-NONE"}, "unknown_order", None),
        ("track_order", {"order_id": "ORD-NONE", "wait_seconds": -1}, "invalid", "/wait_seconds"),
        ("track_order", {"order_id": 12}, "invalid", "/order_id"),
        ("subscribe_order_updates", {"order_id": "%00"}, "unknown_order", None),
        ("connection_status", {"x": 1}, "invalid", "/x"),
    ],
)
async def test_bad_arguments_get_a_clear_answer_and_change_nothing(
    phone: Variant,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    tool: str,
    arguments: dict[str, Any],
    code: str,
    pointer: str | None,
) -> None:
    async with connect() as client:
        problem = await refused(client, tool, **arguments)

    assert problem["code"] == code
    assert problem["detail"]
    if pointer is not None:
        assert pointer in [error["pointer"] for error in problem["errors"]]
        assert all(error["detail"] for error in problem["errors"])
    assert await in_thread(Basket.objects.count)() == 0
    assert await in_thread(Order.objects.count)() == 0
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_wrong_argument_is_named_with_what_is_allowed(connect: Connect) -> None:
    async with connect() as client:
        problem = await refused(client, "search_products", query="a", limit="ten", page=2)

    assert problem["detail"] == (
        "Some arguments cannot be used. "
        "limit: It should be a valid integer, unable to parse string as an integer. "
        "page: There is no such argument. The arguments are: query, locale, limit, cursor."
    )


async def test_an_unknown_tool_is_an_error_of_the_protocol(connect: Connect, era: str) -> None:
    async with connect(era) as client:
        with pytest.raises(MCPError) as caught:
            await client.call_tool("make_coffee", {})

    assert caught.value.error.code == -32602
    assert "make_coffee" in caught.value.error.message


async def test_somebody_elses_order_is_unknown(phone: Variant, connect: Connect) -> None:
    async with connect() as client:
        theirs = await buy(client)
        mine = await buy(client)

        problem = await refused(
            client, "track_order", order_id=theirs["number"], ticket=mine["ticket"]
        )
        with pytest.raises(MCPError) as caught:
            await client.read_resource(f"museo://orders/{theirs['number']}?ticket={mine['ticket']}")

    assert (problem["status"], problem["code"]) == (404, "unknown_order")
    assert caught.value.error.code == -32602


@pytest.mark.parametrize(
    "uri",
    [
        "museo://orders/ORD-NONE",
        "museo://orders/",
        "museo://baskets/1",
        "museo://orders/ORD-1%00",
        "file:///etc/passwd",
        "museo://[",
        "",
    ],
)
async def test_an_unknown_resource_is_a_clear_error(
    phone: Variant, connect: Connect, era: str, uri: str
) -> None:
    async with connect(era) as client:
        with pytest.raises(MCPError) as caught:
            await client.read_resource(uri)

    assert caught.value.error.code == -32602
    assert caught.value.error.message


async def test_an_order_can_be_read_as_a_resource(
    phone: Variant, connect: Connect, era: str
) -> None:
    async with connect(era) as client:
        order = await buy(client)
        await advance(order, minutes=2)

        read = await client.read_resource(order["uri"])

    contents = read.contents[0]
    assert (contents.uri, contents.mime_type) == (order["uri"], "application/json")
    stand = json.loads(said(read.contents))
    assert (stand["status"], stand["step"], stand["version"]) == ("confirmed", 1, 2)
    assert stand["message"].startswith("🔔 Your order has been confirmed!\nETA: 1")


async def test_the_last_one_is_sold_once(phone: Variant, connect: Connect) -> None:
    await in_thread(StockItem.objects.update)(on_hand=1)
    async with connect() as client:
        first = await call(client, "add_to_basket", sku=SKU)
        second = await call(client, "add_to_basket", sku=SKU)
        slow = {**BUYER, "basket_token": second["basket_token"]}
        question = await call(client, "place_order", **slow)
        fast = {**BUYER, "basket_token": first["basket_token"]}
        confirm = (await call(client, "place_order", **fast))["confirm"]
        await call(client, "place_order", **fast, confirm=confirm)

        problem = await refused(client, "place_order", **slow, confirm=question["confirm"])

    assert (problem["status"], problem["code"], problem["available"]) == (409, "sold_out", 0)


async def test_a_tool_speaks_the_language_it_is_asked_for(phone: Variant, connect: Connect) -> None:
    await in_thread(phone.master.create_translation)("de", name="iPhone 15 (deutsch)")

    async with connect() as client:
        german = await call(client, "search_products", query="iphone", locale="de-AT")
        other = await call(client, "search_products", query="iphone", locale="tlh")

    assert german["results"][0]["name"] == "iPhone 15 (deutsch)"
    understood = [
        (found["interpretation"]["locale"], found["interpretation"]["words"])
        for found in (german, other)
    ]
    assert understood == [("de", ["iphone"]), ("en", ["iphone"])]


async def test_unforeseen_trouble_is_logged_and_told_without_its_cause(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**_wanted: Any) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(products, "listing", fail)

    async with connect() as client:
        problem = await refused(client, "search_products", query="a")

    assert (problem["status"], problem["code"]) == (500, "internal_error")
    assert problem["correlation_id"]
    assert "hunter2" not in str(problem)
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.getMessage() for record in errors] == ["tool failed"]


async def test_who_finds_no_connection_is_asked_to_come_again(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listing(**_wanted: Any) -> None:
        raise OperationalError("couldn't get a connection") from PoolTimeout()

    monkeypatch.setattr(products, "listing", listing)

    async with connect() as client:
        problem = await refused(client, "search_products", query="a")

    assert (problem["status"], problem["code"], problem["retry_after"]) == (503, "overloaded", 2)


def test_every_tool_resource_and_prompt_is_in_the_docs() -> None:
    text = DOCS.read_text(encoding="utf-8")

    assert [name for name in [*ALL, *prompts.ALL] if f"`{name}`" not in text] == []
    uris = [str(each.uri) for _kind, each in resources.RESOURCES]
    templates = [each.uri_template.partition("{?")[0] for _kind, each in resources.TEMPLATES]
    unsaid = [uri for uri in [*uris, *templates] if f"`{uri}" not in text]
    assert unsaid == []
