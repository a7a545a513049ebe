"""All that the shop has for a client: lists, search, an order, its updates, its end, its history.

`comprehensive.py http://127.0.0.1:8000/mcp POSTCARD-SET` cancels in the end what it has bought.
"""

import asyncio
import json
import sys

from mcp import Client

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
    async with Client(address) as client:
        print("protocol", client.protocol_version)
        print("tools", *(tool.name for tool in (await client.list_tools()).tools))
        print("resources", *(each.uri for each in (await client.list_resources()).resources))
        print("prompts", *(prompt.name for prompt in (await client.list_prompts()).prompts))
        prompt = await client.get_prompt("order_something", {"wish": "postcards"})
        print("prompt", prompt.messages[0].content.text.splitlines()[0])

        basket = await call(client, "add_to_basket", {"sku": sku})
        buyer = {**BUYER, "basket_token": basket["basket_token"]}
        # a chat shows the summary to its person here, and goes on if they agree
        question = await call(client, "place_order", buyer)
        order = await call(client, "place_order", {**buyer, "confirm": question["confirm"]})
        mine = {"order_id": order["number"], "ticket": order["ticket"]}
        async with client.listen(resource_subscriptions=[order["uri"]]) as updates:
            question = await call(client, "cancel_order", mine)
            await call(client, "cancel_order", {**mine, "confirm": question["confirm"]})
            await anext(updates)
            contents = (await client.read_resource(order["uri"], cache_mode="bypass")).contents
            print("told", json.loads(contents[0].text)["status"])

        # whoever was away asks for what they missed, from the last position they have
        topics = [f"order.{order['number']}"]
        missed = {"after": "0", "topics": topics, "ticket": order["ticket"]}
        replayed = await call(client, "replay_events", missed)
        for event in replayed["events"]:
            print("event", event["version"], event["type"])


async def call(client: Client, tool: str, arguments: dict) -> dict:
    """What a tool answers; end with its sentence if it refuses."""
    result = await client.call_tool(tool, arguments)
    if result.is_error:
        sys.exit(result.content[0].text)
    return result.structured_content


asyncio.run(main(*sys.argv[1:]))
