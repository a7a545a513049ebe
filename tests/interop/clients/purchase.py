"""As purchase.mjs, in Python: a purchase, and what the client has to say, line by line."""

import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

Call = Callable[[str, dict[str, Any]], Awaitable[Any]]
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
STATUSES = ("placed", "confirmed", "preparing", "out_for_delivery", "delivered")


async def buy(call: Call) -> Any:
    """`call(tool, arguments)` answers the tool's data."""
    found = await call("search_products", {"query": "iPhone 15"})
    basket = await call("add_to_basket", {"sku": found["results"][0]["default_sku"]})
    buyer = {**BUYER, "basket_token": basket["basket_token"]}
    question = await call("place_order", buyer)
    return await call("place_order", {**buyer, "confirm": question["confirm"]})


async def replay(call: Call, order: Any) -> None:
    """All that has happened to the order, and in which order."""
    mine = {"topics": [f"order.{order['order_id']}"], "ticket": order["ticket"]}
    page = await call("replay_events", {"after": "0", **mine})
    say(replayed=[[event["version"], event["type"]] for event in page["events"]])


def say(**line: Any) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
