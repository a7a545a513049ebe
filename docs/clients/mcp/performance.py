"""How fast a shop answers many at once: `performance.py http://127.0.0.1:8000/mcp 1000 16`.

So many searches, of so many clients at a time, each over a connection of its own.
"""

import asyncio
import statistics
import sys
import time

from mcp import Client


async def main(address: str, calls: str, clients: str) -> None:
    left = iter(range(int(calls)))
    taken: list[float] = []
    began = time.perf_counter()
    await asyncio.gather(*(ask(address, left, taken) for _client in range(int(clients))))
    seconds = time.perf_counter() - began
    centiles = statistics.quantiles(taken, n=100)
    print(f"{len(taken)} calls, {len(taken) / seconds:.0f} a second")
    print(f"p50 {centiles[49] * 1000:.1f} ms, p99 {centiles[98] * 1000:.1f} ms")


async def ask(address: str, left, taken: list[float]) -> None:
    async with Client(address) as client:
        for _call in left:
            began = time.perf_counter()
            result = await client.call_tool("search_products", {"query": "mug", "limit": 5})
            if result.is_error:
                sys.exit(result.content[0].text)
            taken.append(time.perf_counter() - began)


asyncio.run(main(*sys.argv[1:]))
