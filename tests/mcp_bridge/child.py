"""A small MCP server on the SDK: `child.py` speaks on standard input and output."""

import asyncio
import os

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("child")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def refuse() -> str:
    """Say no."""
    raise ToolError("Not today.")


@server.tool()
async def count(to: int, ctx: Context) -> str:
    """Count, and tell of it."""
    for number in range(1, to + 1):
        await ctx.report_progress(number, to, f"at {number}")
    return "counted"


@server.tool()
def surroundings() -> list[str]:
    """The names in the environment."""
    return sorted(os.environ)


@server.tool()
async def wait() -> str:
    """Never answer."""
    await asyncio.Event().wait()
    return "never"


if __name__ == "__main__":
    server.run()
