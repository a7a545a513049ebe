"""All tools, by name, in the order in which they are listed; an address may serve one toolset."""

from types import ModuleType

from mcp_bridge.registry import Tool
from mcp_bridge.toolsets import (
    admin,
    analyses,
    history,
    intent,
    notifications,
    realtime,
    storefront,
    subscriptions,
)


def _tools(*modules: ModuleType) -> dict[str, Tool]:
    found = [vars(module).values() for module in modules]
    return {each.name: each for values in found for each in values if isinstance(each, Tool)}


TOOLSETS: dict[str, dict[str, Tool]] = {
    "storefront": _tools(storefront),
    "admin": _tools(admin),
    "intent": _tools(intent),
    "notifications": _tools(notifications),
    # who only wants to be told, and to tell others, finds both at one address
    "realtime": {
        **_tools(realtime, history, subscriptions, analyses),
        notifications.send_notification.name: notifications.send_notification,
    },
}
ALL: dict[str, Tool] = {name: tool for tools in TOOLSETS.values() for name, tool in tools.items()}
