"""All tools, by name, in the order in which they are listed; an address may serve one toolset."""

from types import ModuleType

from mcp_bridge.registry import Tool
from mcp_bridge.toolsets import realtime, storefront


def _tools(module: ModuleType) -> dict[str, Tool]:
    return {name: value for name, value in vars(module).items() if isinstance(value, Tool)}


TOOLSETS: dict[str, dict[str, Tool]] = {
    "storefront": _tools(storefront),
    "realtime": _tools(realtime),
}
ALL: dict[str, Tool] = {name: tool for tools in TOOLSETS.values() for name, tool in tools.items()}
