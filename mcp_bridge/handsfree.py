"""The hands-free demonstration: a chat places an order, and then tells every step unasked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import httpx2
import mcp_types as types
from django.utils import timezone
from mcp.client.client import Client
from mcp.client.subscriptions import SubscriptionLost
from mcp.shared.exceptions import MCPError

from orders.lifecycle import ENDED

WISH = "iPhone 15"
BUYER = {
    "email": "maya@example.org",
    "name": "Maya Okafor",
    "address": {
        "line1": "Museum Street 1",
        "city": "Helsinki",
        "postal_code": "00130",
        "country": "FI",
    },
}
# beyond the time that the shop has promised
PATIENCE_SECONDS = 120.0
# nobody there, or not to the end
TROUBLES = (httpx2.HTTPError, MCPError, TimeoutError, SubscriptionLost, ExceptionGroup)


class Refused(Exception):
    """The shop said no; its sentence."""


async def play(address: str, say: Callable[[str], None]) -> int:
    """How many updates came by themselves until the order's end."""
    async with Client(address, read_timeout_seconds=30) as client:
        say(f"You: Order me an {WISH}, please.\n")
        order, said = await _buy(client)
        say(f"{said}\n\nNotice: the chat follows the order already. Now nobody says anything.\n")
        remaining = datetime.fromisoformat(order["eta"]) - timezone.now()
        async with asyncio.timeout(remaining.total_seconds() + PATIENCE_SECONDS):
            count = await _hear(client, order, say)
    say(f"Complete hands-free tracking experience: updates {count}, questions asked 0.")
    return count


async def _buy(client: Client) -> tuple[dict[str, Any], str]:
    found, _said = await _call(client, "search_products", query=WISH)
    sku = found["results"][0]["default_sku"]
    basket, _said = await _call(client, "add_to_basket", sku=sku)
    buyer = {**BUYER, "basket_token": basket["basket_token"]}
    question, _said = await _call(client, "place_order", **buyer)
    return await _call(client, "place_order", **buyer, confirm=question["confirm"])


async def _hear(client: Client, order: Mapping[str, Any], say: Callable[[str], None]) -> int:
    """Tell each step when the shop says that there is one; those between two updates, too."""
    uri, told, count = order["uri"], 1, 0
    async with client.listen(resource_subscriptions=[uri]) as updates:
        while True:
            read = await client.read_resource(uri, cache_mode="bypass")
            stand = json.loads(_text(read.contents))
            if stand["version"] > told:
                for event in await _since(client, order, told):
                    is_newest = event["version"] == stand["version"]
                    say(f"{stand['message'] if is_newest else event['data']['status_message']}\n")
                    told, count = event["version"], count + 1
            if stand["status"] in ENDED:
                return count
            await anext(updates)


async def _since(client: Client, order: Mapping[str, Any], told: int) -> list[dict[str, Any]]:
    replayed, _said = await _call(
        client,
        "replay_events",
        after="0",
        topics=[f"order.{order['number']}"],
        ticket=order["ticket"],
    )
    return [event for event in replayed["events"] if event["version"] > told]


async def _call(client: Client, tool: str, **arguments: Any) -> tuple[dict[str, Any], str]:
    result = await client.call_tool(tool, arguments)
    said = _text(result.content)
    if result.is_error or not result.structured_content:
        raise Refused(said)
    return result.structured_content, said


def _text(content: Any) -> str:
    part = content[0]
    return part.text if isinstance(part, types.TextContent | types.TextResourceContents) else ""
