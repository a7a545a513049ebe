"""A run: one message answered, by calling tools in process as its speaker.

    run = Run(...)
    found = await run.call("search_products", query="red mugs")

Before each call one write tells of it, and asks whether the run still holds its message and nobody
has said Stop; so neither a process that was thought dead nor a stopped one begins anything more.
What spends, deletes, changes the catalogue or leaves the shop is asked of the person first,
whoever has thought of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from mcp_bridge import confirmations, dispatch, quotations, toolsets
from mcp_bridge.asking import Asked
from mcp_bridge.assistant import (
    client_types,
    consents,
    counts,
    leases,
    own_tools,
    steps,
)
from mcp_bridge.assistant.client_types import ClientType
from mcp_bridge.assistant.consents import Consent
from mcp_bridge.assistant.memory import Memory
from mcp_bridge.assistant.planning import Done, ToolCall
from mcp_bridge.assistant.said import Said
from mcp_bridge.assistant.steps import Step, Steps
from mcp_bridge.calls import Call
from mcp_bridge.models import Confirmation, Message, ToolRun
from mcp_bridge.registry import Answer, Question, Tool
from museo import sql
from museo.access.callers import Caller
from museo.access.problems import Problem
from notifications import log
from notifications.live.hub import in_thread

TOOLS: Mapping[str, Tool] = {**toolsets.ALL, **own_tools.ALL}
MOST_CALLS = 20
DESCRIPTIONS = {
    "search_products": gettext_noop("Looking through the products"),
    "get_product_info": gettext_noop("Reading about the product"),
    "answer_question": gettext_noop("Looking for an answer"),
    "add_to_basket": gettext_noop("Putting it into your basket"),
    "get_basket": gettext_noop("Looking into your basket"),
    "place_order": gettext_noop("Preparing your order"),
    "track_order": gettext_noop("Asking how your order stands"),
    "cancel_order": gettext_noop("Looking at your order"),
}
OTHERWISE = gettext_noop("Working on it")


class Refused(Exception):
    """A tool has said no."""

    def __init__(self, tool: str, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.tool = tool
        self.problem = problem


class MustAsk(Exception):
    """A person has to agree first; the question is not saved yet."""

    def __init__(self, asked: Confirmation, question: str) -> None:
        super().__init__()
        self.asked = asked
        self.question = question


@dataclass(frozen=True)
class Reader:
    """Whoever reads the answers: a question to them is an answer, and their yes another message."""

    token: str = ""
    can_be_asked: bool = True

    @property
    def has_answered(self) -> bool:
        return bool(self.token)

    def agreed(self) -> str:
        return self.token

    async def ask(
        self, question: Question, go_on: Callable[[str], Awaitable[Answer]], *, now: datetime
    ) -> Answer | Asked:
        return Asked(question, confirmations.ask(question.agreement, now=now))


@dataclass
class Run:
    """What a message is answered by; `memory` is written with the answer."""

    message: Message
    said: Said
    caller: Caller
    memory: Memory
    runner: str
    told: Steps
    # tools whose ends are not written yet
    ended: list[ToolRun] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    quoted: list[str] = field(default_factory=list)
    # a tool that an earlier run has begun, and nobody knows how it ended
    interrupted: str = ""
    # the language that it was said in, where none was named and it is another one
    spoken: str = ""
    # why whoever said it may do nothing any more
    trouble: Problem | None = None

    @property
    def client(self) -> ClientType:
        return client_types.of(self.message.client_type)

    @property
    def locale(self) -> str:
        return self.spoken or self.message.locale

    def tools(self) -> list[Tool]:
        """Those that the speaker may call."""
        return [tool for tool in TOOLS.values() if tool.is_open_to(self.caller)]

    async def call(self, tool: str, /, **arguments: Any) -> Answer:
        """What a tool answers; raise Refused, MustAsk, Stopped or Lost."""
        (outcome,) = await self.call_all([ToolCall(tool, arguments)])
        return _require(tool, outcome)

    async def call_all(self, calls: Sequence[ToolCall]) -> list[Answer | Problem]:
        """All at once, where they only read; else one after the other. Raises as `call` does."""
        if len(calls) > 1 and all(_only_reads(call.tool) for call in calls):
            return await self._together(calls)
        return [outcome for call in calls for outcome in await self._together([call])]

    async def agree(self, consent: Consent) -> Answer:
        """Do what the person has said yes to, once; raise `consents.NotOpen` too."""
        call = ToolCall(consent.tool, consent.arguments)
        (outcome,) = await self._together([call], consent=consent)
        return _require(consent.tool, outcome)

    def think(self, description: str, **metadata: Any) -> None:
        self.told.add(Step(steps.THINKING, description, metadata))

    def muse(self, thought: str) -> None:
        """Tell a planner's own words."""
        self.told.add(Step(steps.THINKING, steps.UNDERSTOOD, thought=thought[:200]))

    async def begin_answer(self, words: str) -> None:
        """Tell how a planner's answer begins; raise Stopped or Lost."""
        writing = asyncio.ensure_future(in_thread(self._write)(words))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            # the thread goes on, and nothing else may be told meanwhile
            await asyncio.gather(writing, return_exceptions=True)
            raise

    def _write(self, words: str) -> None:
        now = timezone.now()
        about = {"state": steps.WRITING}
        self.told.add(Step(steps.THINKING, steps.WRITES, about, thought=words), part=0.9)
        with log.change() as change:
            leases.go_on(self.message, self.runner, self.told, now=now)
            self.told.tell(change, at=now)

    async def ask(
        self, tool: str, arguments: Mapping[str, Any], *, question: str, yes: str, **card: Any
    ) -> Answer:
        """Call a tool that does not ask by itself, once the person has agreed to this question."""
        raise self._must_ask(tool, arguments, question=question, yes=yes, **card)

    async def _together(
        self, calls: Sequence[ToolCall], *, consent: Consent | None = None
    ) -> list[Answer | Problem]:
        tools = [_tool(call.tool) for call in calls]
        if not consent:
            for tool, call in zip(tools, calls, strict=True):
                self._require_no_yes(tool, call)
        rows = await in_thread(self._begin)(tools, consent)
        outcomes = await asyncio.gather(
            *(
                self._use(tool, call, row, consent)
                for tool, call, row in zip(tools, calls, rows, strict=True)
            )
        )
        return [self._found(call, each) for call, each in zip(calls, outcomes, strict=True)]

    def _require_no_yes(self, tool: Tool, call: ToolCall) -> None:
        """Raise MustAsk for what the person has to agree to and the tool does not ask itself."""
        if asks_itself(tool) or not (call.asks or needs_yes(tool)):
            return
        title = tool.definition.title or tool.name
        given = [f"- {name}: {value}" for name, value in call.arguments.items()]
        question = gettext("**Please confirm: %(title)s**") % {"title": gettext(title)}
        raise self._must_ask(
            tool.name,
            call.arguments,
            question="\n".join([question, *given])[:2000],
            yes=gettext("Yes, do it"),
        )

    def _must_ask(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        question: str,
        yes: str,
        token: str = "",
        **card: Any,
    ) -> MustAsk:
        shown = {
            "question": self.client.dressed(question),
            "yes": yes,
            "no": gettext("No, leave it"),
            "spends": False,
            "summary": None,
            **card,
        }
        asked = consents.made(
            self.message, tool, arguments, token=token, card=shown, now=timezone.now()
        )
        return MustAsk(asked, question)

    def _begin(self, tools: Sequence[Tool], consent: Consent | None) -> list[ToolRun]:
        """Tell that the tools begin; raise Stopped or Lost, and nothing has begun."""
        now = timezone.now()
        if len(self.called) + len(tools) > MOST_CALLS:
            raise Refused(
                tools[0].name, Problem(gettext("This takes too many steps. Ask for less at once."))
            )
        names = [tool.name for tool in tools]
        self.told.add(Step(steps.TOOL_SELECTION, steps.CHOSEN, {"tools": names}))
        for name in names:
            about = {"tool": name, "state": "begun"}
            self.told.add(
                Step(steps.TOOL_EXECUTION, DESCRIPTIONS.get(name, OTHERWISE), about),
                moves=True,
                part=0.3,
            )
        with log.change() as change:
            leases.go_on(self.message, self.runner, self.told, now=now)
            if consent:
                consents.take(consent.id, self.message, agree=True, now=now)
            leases.note_ends(self.ended)
            self.ended.clear()
            rows = [
                ToolRun(
                    message=self.message,
                    tool=tool.name,
                    is_repeatable=_is_repeatable(tool, consent),
                    began_at=now,
                )
                for tool in tools
            ]
            for row in rows:
                sql.insert(row)
            self.told.tell(change, at=now)
        self.called += names
        return rows

    async def _use(
        self, tool: Tool, call: ToolCall, row: ToolRun, consent: Consent | None
    ) -> Answer | Asked | Problem:
        began = time.perf_counter()
        # nobody but the person says yes
        given = {name: value for name, value in call.arguments.items() if name != "confirm"}
        reader = Reader(consent.token if consent else "")
        outcome = await dispatch.run(tool, given, self.call_now(), reader)
        seconds = time.perf_counter() - began
        row.outcome = _ended(outcome)
        row.ended_at = timezone.now()
        self.ended.append(row)
        counts.TOOL_SECONDS.labels(tool.name, _kind(outcome)).observe(seconds)
        self.told.add(
            Step(
                steps.TOOL_EXECUTION,
                DESCRIPTIONS.get(tool.name, OTHERWISE),
                {"tool": tool.name, "state": _kind(outcome), "seconds": round(seconds, 3)},
            ),
            part=0.9,
        )
        return outcome

    def call_now(self) -> Call:
        """A call by the speaker, with what the conversation remembers for them."""
        caller = self.caller.with_basket(self.memory.basket_token)
        for ticket in self.memory.tickets:
            caller = caller.with_ticket(ticket)
        return Call(
            caller=replace(caller, locale=self.locale),
            now=timezone.now(),
            progress=_nothing,
            is_pushed=False,
            can_ask=True,
        )

    def _found(self, call: ToolCall, outcome: Answer | Asked | Problem) -> Answer | Problem:
        if isinstance(outcome, Asked):
            question = outcome.question
            raise self._must_ask(
                call.tool,
                call.arguments,
                question=question.text,
                yes=question.yes,
                token=outcome.token,
                spends=question.spends,
                summary=question.data.get("summary"),
            )
        if isinstance(outcome, Answer):
            self.quoted += [name for name in _tool(call.tool).quotes if outcome.data.get(name)]
        return outcome

    def done(self, call: ToolCall, outcome: Answer | Problem) -> Done:
        """An outcome as a planner reads it."""
        if isinstance(outcome, Problem):
            return Done(call, outcome.body(), outcome.detail, is_refused=True)
        quoted = quotations.meta(outcome.data, _tool(call.tool).quotes) or {}
        return Done(call, outcome.data, outcome.text, quoted=quoted.get(quotations.META, ()))


def needs_yes(tool: Tool) -> bool:
    """Whether a person has to agree before it does anything.

    So it is with what cannot be taken back, what leaves the shop, and what staff change.
    """
    hints = tool.definition.annotations
    if tool.only_reads or hints is None:
        return hints is None
    return bool(hints.destructive_hint or hints.open_world_hint or tool.is_for_staff)


def asks_itself(tool: Tool) -> bool:
    return "confirm" in tool.arguments.model_fields


def _is_repeatable(tool: Tool, consent: Consent | None) -> bool:
    """Whether it may be called again by whoever does not know how it ended."""
    hints = tool.definition.annotations
    by_token = bool(consent and consent.token)
    return tool.only_reads or by_token or bool(hints and hints.idempotent_hint)


def _tool(name: str) -> Tool:
    tool = TOOLS.get(name)
    if tool is None:
        raise Refused(name, Problem(gettext("There is no such tool: %(name)s.") % {"name": name}))
    return tool


def _only_reads(name: str) -> bool:
    return name in TOOLS and TOOLS[name].only_reads


def _require(tool: str, outcome: Answer | Problem) -> Answer:
    if isinstance(outcome, Problem):
        raise Refused(tool, outcome)
    return outcome


def _ended(outcome: Answer | Asked | Problem) -> str:
    if isinstance(outcome, Problem):
        return outcome.code
    return "asked" if isinstance(outcome, Asked) else "done"


def _kind(outcome: Answer | Asked | Problem) -> str:
    return "refused" if isinstance(outcome, Problem) else _ended(outcome)


async def _nothing(progress: float, total: float | None = None, message: str | None = None) -> None:
    """Progress of a tool is told as its beginning and its end."""
