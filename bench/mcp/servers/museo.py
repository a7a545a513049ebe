"""Museo as it is served, with one tool more: `echo`, which goes the way of every tool."""

from dataclasses import dataclass

from bench.mcp.servers.opened import application
from mcp_bridge.calls import Call
from mcp_bridge.registry import READS, Answer, tool
from mcp_bridge.toolsets import ALL

__all__ = ["application"]


@dataclass(frozen=True)
class Echoed:
    text: str


@tool(title="Echo", scope="shop:read", result=Echoed, annotations=READS)
async def echo(call: Call, text: str) -> Answer:
    """The same text."""
    return Answer({"text": text}, text)


ALL[echo.name] = echo
