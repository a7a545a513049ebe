"""The Python SDK: `auto` listens without a session, `legacy` is told in its session."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp import Client
from mcp_types import ResourceUpdatedNotification, TextResourceContents

from tests.interop.clients.purchase import buy, replay, say

Updates = AsyncIterator[Any]


async def main(address: str, mode: str) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def hear(message: object) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            heard.put_nowait(str(message.params.uri))

    async with Client(address, mode=mode, message_handler=hear) as client:
        say(version=client.protocol_version)

        async def call(tool: str, arguments: dict[str, Any]) -> Any:
            return (await client.call_tool(tool, arguments)).structured_content

        order = await buy(call)
        following = in_session(heard) if mode == "legacy" else listening(client, order["uri"])
        async with following as updates:
            say(follows=order["order_id"])
            # what has happened before is not told again
            status = "placed"
            while True:
                read = await client.read_resource(order["uri"], cache_mode="bypass")
                contents = read.contents[0]
                assert isinstance(contents, TextResourceContents)
                stand = json.loads(contents.text)
                if stand["status"] != status:
                    status = stand["status"]
                    say(told=status)
                if status == "delivered":
                    break
                # it ends, or raises, when the stream does
                await anext(updates)
        await replay(call, order)


@asynccontextmanager
async def in_session(heard: asyncio.Queue[str]) -> AsyncIterator[Updates]:
    """A session follows what it has bought."""

    async def updates() -> Updates:
        while True:
            yield await heard.get()

    yield updates()


@asynccontextmanager
async def listening(client: Client, uri: str) -> AsyncIterator[Updates]:
    async with client.listen(resource_subscriptions=[uri]) as updates:
        yield updates


asyncio.run(main(*sys.argv[1:]))
