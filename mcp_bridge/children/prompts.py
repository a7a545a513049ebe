"""Prompts of the other servers, beside ours: `<server>_<prompt>`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import mcp_types as types
from django.utils.translation import override
from mcp.shared.exceptions import MCPError

from mcp_bridge import quotations
from mcp_bridge.children import resources, supervision
from mcp_bridge.children.supervision import Refused
from mcp_bridge.dispatch import NotAvailable
from museo.access.callers import Caller


async def listed(caller: Caller) -> list[types.Prompt]:
    """Those that the caller may use; of a server that was never here, none."""
    children = supervision.open_to(caller)
    lists = await asyncio.gather(*(child.lists_soon() for child in children))
    return [
        prompt.model_copy(
            update={"name": f"{child.server.name}_{name}", "meta": quotations.FOREIGN}
        )
        for child, has in zip(children, lists, strict=True)
        for name, prompt in has.prompts.items()
    ]


async def get(name: str, given: Mapping[str, str], caller: Caller) -> types.GetPromptResult | None:
    """What its server makes of it; None if there is none for the caller. Raise MCPError."""
    prefix, _underscore, bare = name.partition("_")
    child = supervision.find(prefix, caller)
    if child is None:
        return None
    try:
        with override(caller.locale):
            if bare not in (await child.lists()).prompts:
                return None
            result = await child.prompt(bare, given)
    except NotAvailable as problem:
        raise problem.as_error() from problem
    except Refused as refusal:
        raise MCPError(types.INVALID_PARAMS, str(refusal)) from refusal
    messages = [
        message.model_copy(update={"content": resources.at_ours(child, message.content)})
        for message in result.messages
    ]
    meta = {**(result.meta or {}), quotations.META: ["description", "messages"]}
    return result.model_copy(update={"messages": messages, "meta": meta})
