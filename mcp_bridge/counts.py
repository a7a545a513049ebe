"""How the push is doing, in numbers: connections of all processes, all else of this one."""

from typing import Any

from mcp_bridge import push
from notifications.live import stats as live
from notifications.live.hub import here


async def connected() -> dict[str, int]:
    """Open streams, listening MCP clients, sessions that follow something, and all of them."""
    counts = {"streams": (await here()).connections.count(), **push.counts()}
    return {"active_connections": sum(counts.values()), **counts}


async def stats() -> dict[str, Any]:
    hub = await here()
    return {**await connected(), **live.counted(), "position": hub.position, "epoch": hub.epoch}
