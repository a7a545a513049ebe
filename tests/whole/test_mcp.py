"""An AI client buys an iPhone 15 and is pushed every step, in both eras, by the real clock."""

import asyncio
from typing import Any

import pytest
from mcp.client.client import Client
from mcp_types import ResourceUpdatedNotification

from tests.orders.conftest import ADDRESS
from tests.shops import Shop

STEPS = {"confirmed", "preparing", "out_for_delivery", "delivered"}
PATIENCE = 40
# what the client says of the older era, which is tested here on purpose
pytestmark = pytest.mark.filterwarnings("ignore:resources/(un)?subscribe is removed")


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    structured = result.structured_content
    assert isinstance(structured, dict)
    return structured


async def buy(client: Client) -> dict[str, Any]:
    """What a model does: search, fill the basket, ask the person, place the order."""
    found = await call(client, "search_products", query="iPhone 15")
    sku = found["results"][0]["default_sku"]
    basket = await call(client, "add_to_basket", sku=sku)
    order = {
        "basket_token": basket["basket_token"],
        "email": "maya@example.org",
        "name": "Maya Okafor",
        "address": ADDRESS,
    }
    asked = await call(client, "place_order", **order)
    return await call(client, "place_order", **order, confirm=asked["confirm"])


async def status(client: Client, order: dict[str, Any]) -> str:
    mine = {"order_id": order["number"], "ticket": order["ticket"]}
    return str((await call(client, "track_order", **mine))["status"])


async def test_a_listening_client_is_pushed_every_step(shop: Shop) -> None:
    async with Client(f"{shop.address}/mcp", read_timeout_seconds=20) as client:
        assert client.protocol_version == "2026-07-28"
        order, seen = await buy(client), set()

        async with client.listen(resource_subscriptions=[order["uri"]]) as updates:
            async with asyncio.timeout(PATIENCE):
                async for _update in updates:
                    seen.add(await status(client, order))
                    if "delivered" in seen:
                        break

    assert seen == STEPS


async def test_a_session_is_pushed_every_step(shop: Shop) -> None:
    updates: asyncio.Queue[str] = asyncio.Queue()

    async def hear(message: Any) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            updates.put_nowait(str(message.params.uri))

    async with Client(
        f"{shop.address}/mcp", mode="legacy", message_handler=hear, read_timeout_seconds=20
    ) as client:
        assert client.protocol_version == "2025-11-25"
        order, seen = await buy(client), set()

        async with asyncio.timeout(PATIENCE):
            while "delivered" not in seen:
                assert await updates.get() == order["uri"]
                seen.add(await status(client, order))

    assert seen == STEPS


async def test_progress_of_a_waiting_call_tells_every_step(shop: Shop) -> None:
    told: list[str] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    async with Client(f"{shop.address}/mcp", read_timeout_seconds=PATIENCE) as client:
        order = await buy(client)
        result = await client.call_tool(
            "track_order",
            {"order_id": order["number"], "ticket": order["ticket"], "wait_seconds": 30},
            progress_callback=hear,
        )

    structured = result.structured_content
    assert isinstance(structured, dict)
    assert structured["status"] == "delivered"
    assert len(told) >= 4
