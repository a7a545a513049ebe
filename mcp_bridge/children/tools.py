"""Tools of the other servers, beside ours: `<server>_<tool>`, for callers of the server's scope."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import mcp_types as types
from django.utils.translation import override
from pydantic import ConfigDict

from mcp_bridge import quotations
from mcp_bridge.arguments import Fields
from mcp_bridge.calls import Call
from mcp_bridge.children import resources, supervision
from mcp_bridge.children.supervision import Child
from mcp_bridge.dispatch import NotAvailable
from mcp_bridge.registry import Answer, Tool
from museo.access.callers import Caller

NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")


class Given(Fields):
    """Arguments of a tool whose server checks them itself."""

    model_config = ConfigDict(extra="allow")


async def listed(caller: Caller) -> list[Tool]:
    """All that the caller may use; a server that is away and was never here has none."""
    children = supervision.open_to(caller)
    lists = await asyncio.gather(*(child.lists_soon() for child in children))
    return [
        tool
        for child, has in zip(children, lists, strict=True)
        for tool in (_tool(child, definition) for definition in has.tools.values())
        if NAME.fullmatch(tool.name)
    ]


async def find(name: str, caller: Caller) -> Tool | None:
    """The tool of that name, if the caller may use it; raise MCPError if its server is away."""
    prefix, _underscore, bare = name.partition("_")
    child = supervision.find(prefix, caller)
    if child is None:
        return None
    try:
        with override(caller.locale):
            definition = (await child.lists()).tools.get(bare)
    except NotAvailable as problem:
        raise problem.as_error() from problem
    return _tool(child, definition) if definition else None


async def end() -> None:
    await supervision.end()


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
        # its own `_meta` may name resources that only the server itself has
        definition=definition.model_copy(update={"name": name, "meta": quotations.FOREIGN}),
    )


def _passing_on(child: Child, tool: str) -> Callable[..., Awaitable[Answer]]:
    async def run(call: Call, /, **given: Any) -> Answer:
        result = await child.call(tool, given, call.progress)
        return Answer({}, "", whole=_quoted(child, result))

    return run


def _quoted(child: Child, result: types.CallToolResult) -> types.CallToolResult:
    """Marked as written by others, all of it; what it names is read at our addresses."""
    fields = ["content"] if result.structured_content is None else ["content", "structuredContent"]
    content = [resources.at_ours(child, part) for part in result.content]
    return result.model_copy(
        update={
            "content": [*content, types.TextContent.model_validate(quotations.note(fields))],
            "meta": {**(result.meta or {}), quotations.META: fields},
        }
    )
