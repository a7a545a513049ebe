"""The least that a client does: `minimal.py http://127.0.0.1:8000/mcp "red mugs under €20"`."""

import asyncio
import sys

from mcp import Client


async def main(address: str, wish: str) -> None:
    async with Client(address) as client:
        found = await client.call_tool("search_products", {"query": wish})
        for product in found.structured_content["results"]:
            print(product["name"])


asyncio.run(main(*sys.argv[1:]))
