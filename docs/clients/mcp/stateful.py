"""A session of before 2026-07-28: it buys, and is told of every step on its own stream.

`stateful.py http://127.0.0.1:8000/mcp POSTCARD-SET` buys at once, as somebody who has agreed.
"""

import asyncio
import json
import sys

from mcp import Client
from mcp_types import ResourceUpdatedNotification

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


async def main(address: str, sku: str) -> None:
    updates: asyncio.Queue[str] = asyncio.Queue()

    async def hear(message: object) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            updates.put_nowait(str(message.params.uri))

    async with Client(address, mode="legacy", message_handler=hear) as client:
        basket = await call(client, "add_to_basket", {"sku": sku})
        buyer = {**BUYER, "basket_token": basket["basket_token"]}
        question = await call(client, "place_order", buyer)
        order = await call(client, "place_order", {**buyer, "confirm": question["confirm"]})
        print(order["number"], order["ticket"], flush=True)
        # the session follows what it has bought, without being asked to
        stand = {"status": order["status"]}
        while stand["status"] not in ("delivered", "cancelled"):
            contents = (await client.read_resource(await updates.get())).contents
            stand = json.loads(contents[0].text)
            print(stand["status"], stand["message"], sep="\n", flush=True)


async def call(client: Client, tool: str, arguments: dict) -> dict:
    """What a tool answers; end with its sentence if it refuses."""
    result = await client.call_tool(tool, arguments)
    if result.is_error:
        sys.exit(result.content[0].text)
    return result.structured_content


asyncio.run(main(*sys.argv[1:]))
