"""Tools of the other servers, beside ours: `<server>_<tool>`, for callers of the server's scope."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import mcp_types as types
from django.utils.translation import override
from pydantic import ConfigDict

from mcp_bridge.arguments import Fields
from mcp_bridge.calls import Call
from mcp_bridge.children import supervision
from mcp_bridge.children.supervision import Child
from mcp_bridge.dispatch import NotAvailable
from mcp_bridge.registry import Answer, Tool
from museo.access.callers import Caller

logger = logging.getLogger(__name__)
# a server that takes longer to start is listed the next time
LISTED_WITHIN = 5.0
NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")


class Given(Fields):
    """Arguments of a tool whose server checks them itself."""

    model_config = ConfigDict(extra="allow")


async def listed(caller: Caller) -> list[Tool]:
    """All that the caller may use; a server that is away and was never here has none."""
    open_to = [child for child in supervision.here().by_name.values() if _is_open(child, caller)]
    return [tool for tools in await asyncio.gather(*map(_listed, open_to)) for tool in tools]


async def find(name: str, caller: Caller) -> Tool | None:
    """The tool of that name, if the caller may use it; raise MCPError if its server is away."""
    prefix, _underscore, bare = name.partition("_")
    child = supervision.here().by_name.get(prefix)
    if child is None or not _is_open(child, caller):
        return None
    try:
        with override(caller.locale):
            definition = (await child.tools()).get(bare)
    except NotAvailable as problem:
        raise problem.as_error() from problem
    return _tool(child, definition) if definition else None


async def end() -> None:
    await supervision.end()


def _is_open(child: Child, caller: Caller) -> bool:
    return child.server.scope in caller.scopes


async def _listed(child: Child) -> list[Tool]:
    try:
        async with asyncio.timeout(LISTED_WITHIN):
            definitions = await child.tools()
    except (NotAvailable, TimeoutError):
        return []
    tools = [_tool(child, definition) for definition in definitions.values()]
    return [tool for tool in tools if NAME.fullmatch(tool.name)]


def _tool(child: Child, definition: types.Tool) -> Tool:
    name = f"{child.server.name}_{definition.name}"
    return Tool(
        name=name,
        scope=child.server.scope,
        takes_ticket=False,
        is_for_staff=False,
        is_streaming=False,
        quotes=(),
        run=_passing_on(child, definition.name),
        arguments=Given,
        # its `_meta` may name resources that only the server itself has
        definition=definition.model_copy(update={"name": name, "meta": None}),
    )


def _passing_on(child: Child, tool: str) -> Callable[..., Awaitable[Answer]]:
    async def run(call: Call, /, **given: Any) -> Answer:
        return Answer({}, "", whole=await child.call(tool, given, call.progress))

    return run
