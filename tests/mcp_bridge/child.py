"""A small MCP server on the SDK: `child.py` speaks on standard input and output."""

import asyncio
import os

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import EmbeddedResource, ResourceLink, TextResourceContents

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


@server.resource("notes://today", mime_type="text/plain")
def today() -> str:
    """What is to be done."""
    return "Buy milk."


@server.resource("notes://{day}", mime_type="text/plain")
def of_day(day: str) -> str:
    """What was to be done."""
    return f"Nothing on {day}."


@server.prompt()
def sum_up(topic: str) -> str:
    """Sum it up."""
    return f"Sum up {topic}."


@server.tool()
def cite() -> list[ResourceLink | EmbeddedResource]:
    """Name a note, and bring another."""
    brought = TextResourceContents(uri="notes://monday", text="Nothing.")
    return [
        ResourceLink(type="resource_link", uri="notes://today", name="today"),
        EmbeddedResource(type="resource", resource=brought),
    ]


@server.tool()
async def learn(ctx: Context) -> str:
    """Have one more of everything, and say so."""
    server.add_tool(surroundings, name="learned")
    server.resource("notes://learned")(today)
    server.prompt("learned")(sum_up)
    await ctx.notify_tools_changed()
    await ctx.notify_resources_changed()
    await ctx.notify_prompts_changed()
    return "learned"


@server.tool()
async def wait() -> str:
    """Never answer."""
    await asyncio.Event().wait()
    return "never"


if __name__ == "__main__":
    server.run()
