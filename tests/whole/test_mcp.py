"""The whole shop: an iPhone bought in a chat of each era, and every step told unasked."""

import asyncio
import json
from typing import Any

from mcp.client.client import Client

from tests.mcp_bridge.conftest import BUYER, call, said
from tests.mcp_bridge.test_push import legacy_client, modern_client
from tests.shops import Shop

STEPS = ["confirmed", "preparing", "out_for_delivery", "delivered"]


async def buy_what_is_found(client: Client, words: str) -> dict[str, Any]:
    found = await call(client, "search_products", query=words)
    basket = await call(client, "add_to_basket", sku=found["results"][0]["default_sku"])
    buyer = {**BUYER, "basket_token": basket["basket_token"]}
    question = await call(client, "place_order", **buyer)
    return await call(client, "place_order", **buyer, confirm=question["confirm"])


async def read(client: Client, uri: str) -> tuple[str, int]:
    """Status and version of an order."""
    stand = json.loads(said((await client.read_resource(uri, cache_mode="bypass")).contents))
    return stand["status"], stand["version"]


async def listening(address: str) -> list[tuple[str, int]]:
    async with modern_client(address) as client:
        order = await buy_what_is_found(client, "iPhone 15")
        async with client.listen(resource_subscriptions=[order["uri"]]) as updates:
            return [await _next(client, order["uri"], anext(updates)) for _step in STEPS]


async def in_a_session(address: str) -> list[tuple[str, int]]:
    async with legacy_client(address) as (client, updates):
        order = await buy_what_is_found(client, "iPhone 15")
        return [await _next(client, order["uri"], updates.get()) for _step in STEPS]


async def _next(client: Client, uri: str, update: Any) -> tuple[str, int]:
    async with asyncio.timeout(60):
        await update
    return await read(client, uri)


async def both(address: str) -> list[list[tuple[str, int]]]:
    return list(await asyncio.gather(listening(address), in_a_session(address)))


def test_every_step_of_an_order_is_told_unasked_in_both_eras(shop: Shop) -> None:
    told = asyncio.run(both(f"{shop.address}/mcp"))

    expected = [(status, version) for version, status in enumerate(STEPS, 2)]
    assert told == [expected, expected]
