"""fastmcp's client: it follows no resource, so it waits for the order with `track_order`."""

import asyncio
import json
import sys
from typing import Any

from fastmcp import Client

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


async def main(address: str) -> None:
    told: list[str] = []

    async def hear(_progress: float, _total: float | None, message: str | None) -> None:
        told.append(message or "")

    async with Client(address) as client:

        async def call(tool: str, **arguments: Any) -> Any:
            return (await client.call_tool(tool, arguments)).structured_content

        found = await call("search_products", query="iPhone 15")
        basket = await call("add_to_basket", sku=found["results"][0]["default_sku"])
        buyer = {**BUYER, "basket_token": basket["basket_token"]}
        question = await call("place_order", **buyer)
        order = await call("place_order", **buyer, confirm=question["confirm"])
        asked = {"order_id": order["order_id"], "ticket": order["ticket"], "wait_seconds": 60}
        answer = await client.call_tool("track_order", asked, progress_handler=hear)
    stand = answer.structured_content
    print(json.dumps({"number": order["order_id"], "status": stand["status"], "told": told}))


asyncio.run(main(sys.argv[1]))
