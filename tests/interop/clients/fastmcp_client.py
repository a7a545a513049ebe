"""fastmcp's client: it follows no resource, so it waits for the order with `track_order`."""

import asyncio
import sys
from typing import Any

from fastmcp import Client

from tests.interop.clients.purchase import STATUSES, buy, replay, say


async def main(address: str) -> None:
    told = ["placed"]

    async def hear(step: float, _steps: float | None, _message: str | None) -> None:
        if STATUSES[int(step)] not in told:
            told.append(STATUSES[int(step)])
            say(told=told[-1])

    async with Client(address) as client:

        async def call(tool: str, arguments: dict[str, Any]) -> Any:
            return (await client.call_tool(tool, arguments)).structured_content

        order = await buy(call)
        say(follows=order["order_id"])
        asked = {"order_id": order["order_id"], "ticket": order["ticket"], "wait_seconds": 300}
        await client.call_tool("track_order", asked, progress_handler=hear)
        await replay(call, order)


asyncio.run(main(sys.argv[1]))
