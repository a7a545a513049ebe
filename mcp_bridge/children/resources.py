"""Resources of the other servers, each at an address of ours: `museo://servers/<server>/<theirs>`.

No address of theirs can be taken for one of ours, or of another of them.
"""

from __future__ import annotations

import asyncio
from typing import TypeVar

import mcp_types as types
from django.utils.translation import override
from mcp.shared.exceptions import MCPError

from mcp_bridge import quotations
from mcp_bridge.children import supervision
from mcp_bridge.children.supervision import Child, Refused
from mcp_bridge.dispatch import NotAvailable
from museo.access.callers import Caller

PREFIX = "museo://servers/"
Contents = types.TextResourceContents | types.BlobResourceContents
Part = TypeVar("Part")


async def listed(caller: Caller) -> tuple[list[types.Resource], list[types.ResourceTemplate]]:
    """Those that the caller may read, and the addresses by which there are more."""
    children = supervision.open_to(caller)
    lists = await asyncio.gather(*(child.lists_soon() for child in children))
    resources: list[types.Resource] = []
    templates: list[types.ResourceTemplate] = []
    for child, has in zip(children, lists, strict=True):
        named = {"meta": quotations.FOREIGN}
        for uri, each in has.resources.items():
            ours = {"uri": _address(child, uri), "name": f"{child.server.name}_{each.name}"}
            resources.append(each.model_copy(update={**named, **ours}))
        for uri, template in has.templates.items():
            ours = {"uri_template": _address(child, uri)}
            ours["name"] = f"{child.server.name}_{template.name}"
            templates.append(template.model_copy(update={**named, **ours}))
    return resources, templates


async def read(uri: str, caller: Caller) -> types.ReadResourceResult | None:
    """What its server says; None if there is none for the caller. Raise MCPError."""
    name, _slash, theirs = uri.removeprefix(PREFIX).partition("/")
    child = supervision.find(name, caller) if uri.startswith(PREFIX) and theirs else None
    if child is None:
        return None
    try:
        with override(caller.locale):
            result = await child.read(theirs)
    except NotAvailable as problem:
        raise problem.as_error() from problem
    except Refused as refusal:
        raise MCPError(types.INVALID_PARAMS, str(refusal), {"uri": uri[:200]}) from refusal
    # without what it says of keeping it: who may read is asked each time
    return types.ReadResourceResult(contents=[_quoted(child, each) for each in result.contents])


def at_ours(child: Child, part: Part) -> Part:
    """A part of what it says, with the address that it names as ours."""
    if isinstance(part, types.ResourceLink):
        return part.model_copy(update={"uri": _address(child, str(part.uri))})
    if isinstance(part, types.EmbeddedResource):
        return part.model_copy(update={"resource": _quoted(child, part.resource)})
    return part


def _quoted(child: Child, contents: Contents) -> Contents:
    field = "text" if isinstance(contents, types.TextResourceContents) else "blob"
    meta = {**(contents.meta or {}), quotations.META: [field]}
    ours = {"uri": _address(child, str(contents.uri)), "meta": meta}
    return contents.model_copy(update=ours)


def _address(child: Child, uri: str) -> str:
    return f"{PREFIX}{child.server.name}/{uri}"
