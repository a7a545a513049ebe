"""Tells clients that there is something else to list: other servers behind ours come and change.

Since 2026-07-28 who asks for it is told on `subscriptions/listen`; before, a session is told on its
own stream. The shop's own lists never change while it is open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any

from mcp.server.connection import Connection
from mcp.server.subscriptions import (
    PromptsListChanged,
    ResourcesListChanged,
    ServerEvent,
    ToolsListChanged,
)

from museo.access.callers import Caller

CHANGES: dict[str, ServerEvent] = {
    "tools": ToolsListChanged(),
    "resources": ResourcesListChanged(),
    "templates": ResourcesListChanged(),
    "prompts": PromptsListChanged(),
}
Hear = Callable[[ServerEvent], None]

_hearers: dict[object, tuple[Caller, Hear]] = {}


def tell(kinds: Collection[str], *, scope: str) -> None:
    """Tell whoever has the scope that these kinds of things are others now."""
    changes = dict.fromkeys(CHANGES[kind] for kind in sorted(kinds))
    for caller, hear in tuple(_hearers.values()):
        if scope in caller.scopes:
            for change in changes:
                hear(change)


def join(caller: Caller, hear: Hear) -> Callable[[], None]:
    """Hear of changes from now on, until what is returned is called."""
    name = object()
    _hearers[name] = (caller, hear)
    return lambda: _leave(name)


def tell_session(connection: Connection, caller: Caller) -> None:
    """Tell a session of before 2026-07-28, as long as it lasts."""
    telling: set[asyncio.Task[None]] = set()
    ways: dict[type, Callable[[], Any]] = {
        ToolsListChanged: connection.send_tool_list_changed,
        ResourcesListChanged: connection.send_resource_list_changed,
        PromptsListChanged: connection.send_prompt_list_changed,
    }

    def hear(change: ServerEvent) -> None:
        task = asyncio.create_task(ways[type(change)]())
        telling.add(task)
        task.add_done_callback(telling.discard)

    connection.exit_stack.callback(join(caller, hear))


def announce(capabilities: dict[str, Any]) -> None:
    """Say in what `initialize` answers that it will be told."""
    for kind in ("tools", "resources", "prompts"):
        capabilities.setdefault(kind, {})["listChanged"] = True


def _leave(name: object) -> None:
    _hearers.pop(name, None)
