"""Runs a tool: its arguments checked, its language active, every trouble turned into an answer."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import mcp_types as types
import orjson
from django.utils.translation import gettext as _
from django.utils.translation import override

from mcp_bridge import arguments
from mcp_bridge.calls import Call
from mcp_bridge.registry import Answer, Tool
from museo.access import context
from museo.access.callers import supported_locale
from museo.access.problems import Problem
from museo.access.rest import as_problem
from notifications.live.hub import in_thread

logger = logging.getLogger(__name__)


class OurTrouble(Problem):
    """Something that nobody foresaw; its cause is in the log under the correlation id."""

    status = 500
    code = "internal_error"


async def run(tool: Tool, given: Mapping[str, Any], call: Call) -> Answer | Problem:
    """What the tool answers, or why it does not."""
    locale = _asked_locale(given) or call.locale
    call = replace(call, caller=replace(call.caller, locale=locale))
    with override(locale):
        try:
            return await _run(tool, given, call)
        except Exception as error:
            if problem := as_problem(error):
                return problem
            logger.exception(
                "tool failed", extra={"tool": tool.name, "correlation": context.correlation_id()}
            )
            return OurTrouble(_("Something went wrong in the shop. Try again in a moment."))


def result(outcome: Answer | Problem) -> types.CallToolResult:
    """An outcome as the protocol has it."""
    if isinstance(outcome, Problem):
        return types.CallToolResult(
            content=[_text(outcome.detail)], structured_content=outcome.body(), is_error=True
        )
    content: list[types.ContentBlock] = [_text(outcome.text)]
    if outcome.uri:
        content.append(_link(outcome.uri))
    return types.CallToolResult(content=content, structured_content=outcome.data)


async def _run(tool: Tool, given: Mapping[str, Any], call: Call) -> Answer:
    call = replace(call, caller=tool.caller(call.caller, str(given.get("ticket", ""))))
    parsed = arguments.parse(tool.arguments, given)
    answer = (
        await tool.run(call, **parsed)
        if tool.is_async
        else await in_thread(tool.run)(call, **parsed)
    )
    if isinstance(answer, Answer):
        return answer
    # the protocol wants the data as text too, for clients that read only that
    return Answer(answer, orjson.dumps(answer).decode())


def _asked_locale(given: Mapping[str, Any]) -> str:
    asked = given.get("locale")
    return supported_locale(asked[:35], default="") if isinstance(asked, str) else ""


def _text(text: str) -> types.TextContent:
    return types.TextContent(type="text", text=text)


def _link(uri: str) -> types.ResourceLink:
    return types.ResourceLink(
        type="resource_link", uri=uri, name="order", mime_type="application/json"
    )
