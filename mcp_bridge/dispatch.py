"""Runs a tool: its arguments checked, its language active, every trouble turned into an answer."""

import logging
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cache
from typing import Any

import orjson
import prometheus_client as metrics
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from mcp.server.context import HandlerResult
from mcp.shared.exceptions import MCPError

from mcp_bridge import arguments, budgets, quotations, traces
from mcp_bridge.asking import Askable, Asked
from mcp_bridge.calls import Call
from mcp_bridge.messages import NOT_AVAILABLE
from mcp_bridge.registry import Answer, Question, Tool
from museo.access import context
from museo.access.callers import supported_locale
from museo.access.problems import Problem
from museo.access.rest import as_problem
from notifications.live.hub import in_thread

logger = logging.getLogger(__name__)

SECONDS = metrics.Histogram("museo_mcp_seconds", "How long tools of MCP take", ["toolset"])
CALLS = metrics.Counter("museo_mcp_calls", "Calls of tools of MCP", ["toolset", "outcome"])


class OurTrouble(Problem):
    """Something that nobody foresaw; its cause is in the log under the correlation id."""

    status = 500
    code = "internal_error"


class NotAvailable(Problem):
    """Another server that does not answer; all other tools work."""

    status = 503
    code = "not_available"

    def as_error(self) -> MCPError:
        return MCPError(NOT_AVAILABLE, self.detail, {"code": self.code, **self.facts})


Outcome = Answer | Asked | Problem


async def run(tool: Tool, given: Mapping[str, Any], call: Call, person: Askable) -> Outcome:
    """What the tool answers, what its person is to be asked first, or why it does neither."""
    if locale := _asked_locale(given):
        call = replace(call, caller=replace(call.caller, locale=locale))
    context.is_called_by(call.caller.who)
    context.is_called_over(tool.toolset)
    began = time.perf_counter()
    with _speaking(call.locale):
        outcome = await _outcome(tool, given, call, person)
    _seconds(tool.toolset).observe(time.perf_counter() - began)
    _calls(tool.toolset, "refused" if isinstance(outcome, Problem) else "answered").inc()
    if traces.is_noted(tool, call.caller):
        await in_thread(traces.leave)(tool, given, outcome, call.caller, at=call.now)
    return outcome


def result(tool: Tool, outcome: Outcome) -> HandlerResult:
    """An outcome as the protocol has it; the SDK looks at it once more on its way out."""
    if isinstance(outcome, Asked):
        return outcome.result()
    if isinstance(outcome, NotAvailable):
        raise outcome.as_error()
    if isinstance(outcome, Problem):
        return _said([_text(outcome.detail)], outcome.body(), is_error=True)
    if outcome.whole:
        return outcome.whole
    content = [_text(outcome.text)]
    if outcome.uri:
        content.append(_link(outcome.uri))
    meta = quotations.meta(outcome.data, tool.quotes)
    if meta:
        content.append(quotations.note(meta[quotations.META]))
        return {**_said(content, outcome.data), "_meta": meta}
    return _said(content, outcome.data)


def _speaking(locale: str) -> AbstractContextManager[None]:
    """The language, made active only if it is not: to look costs less."""
    return nullcontext() if locale == get_language() else override(locale)


# looking a label up costs more than counting
_seconds = cache(SECONDS.labels)
_calls = cache(CALLS.labels)


async def _outcome(tool: Tool, given: Mapping[str, Any], call: Call, person: Askable) -> Outcome:
    try:
        return await _run(tool, given, call, person)
    except Exception as error:
        if problem := as_problem(error):
            return problem
        logger.exception("tool failed", extra={"tool": tool.name})
        return OurTrouble(_("Something went wrong in the shop. Try again in a moment."))


async def _run(tool: Tool, given: Mapping[str, Any], call: Call, person: Askable) -> Answer | Asked:
    await budgets.take_call(tool, call.caller, now=call.now)
    call = replace(
        call,
        caller=tool.caller(call.caller, str(given.get("ticket", ""))),
        can_ask=person.can_be_asked,
    )
    parsed = arguments.parse(tool.arguments, given)
    if person.has_answered:
        parsed["confirm"] = person.agreed()
    answer = await _use(tool, call, parsed)
    if not isinstance(answer, Question):
        return _as_answer(answer)

    async def go_on(confirm: str) -> Answer:
        """Some minutes later."""
        return _as_answer(await _use(tool, await call.later(), {**parsed, "confirm": confirm}))

    return await person.ask(answer, go_on, now=call.now)


async def _use(tool: Tool, call: Call, parsed: Mapping[str, Any]) -> Any:
    if tool.is_async:
        return await tool.run(call, **parsed)
    return await in_thread(tool.run)(call, **parsed)


def _as_answer(answer: Any) -> Answer:
    """With its data as text too, for clients that read only that."""
    if isinstance(answer, Answer):
        return answer
    return Answer(answer, orjson.dumps(answer).decode())


def _asked_locale(given: Mapping[str, Any]) -> str:
    asked = given.get("locale")
    return supported_locale(asked[:35], default="") if isinstance(asked, str) else ""


def _said(
    content: list[dict[str, Any]], data: Mapping[str, Any], *, is_error: bool = False
) -> dict[str, Any]:
    return {
        "resultType": "complete",
        "content": content,
        "structuredContent": data,
        "isError": is_error,
    }


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _link(uri: str) -> dict[str, Any]:
    return {
        "type": "resource_link",
        "uri": uri,
        "name": "order",
        "mimeType": "application/json",
    }
