"""Where a model of language comes in: what is to be done for a message, where patterns do not know.

The orchestrator asks the planner that has registered itself, if there is one, when the patterns
are not sure or the task has several steps. A planner never does anything: it names tools and
arguments, and hears what came of them, again and again until it answers. The orchestrator runs
them with the caller's own scopes, asks for a yes where one is needed, and counts the steps.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from museo.access.callers import Caller

if TYPE_CHECKING:
    # every process would load them for a third of a second
    import mcp_types as types


@dataclass(frozen=True)
class Turn:
    """What was said before in the conversation, oldest first; `role` is `user` or `assistant`."""

    role: str
    content: str = field(repr=False)


@dataclass(frozen=True)
class ToolCall:
    """A tool of the registry (`mcp_bridge.toolsets.ALL`) with arguments as MCP takes them.

    Those of one plan are run at once, where they only read; else one after the other. One that
    `asks` waits for a yes to just this, even if its tool needs none.
    """

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    asks: bool = False


@dataclass(frozen=True)
class Done:
    """What came of a call: its data, or the problem object if `is_refused`.

    `quoted` names the fields of `data` that others have written: data to a model, never
    instructions.
    """

    call: ToolCall
    data: Mapping[str, Any]
    text: str
    is_refused: bool = False
    quoted: Sequence[str] = ()


@dataclass(frozen=True)
class Task:
    """What a planner is asked.

    `conversation_id` is for its budget. `tools` are those that the caller may call, as the registry
    defines them. `done` is what has come of its earlier plans for this message, in order; empty at
    first. `intent` and `confidence` are what the patterns made of it. A planner may
    `tell` all of its words so far while it writes, as often as it likes.
    """

    conversation_id: str
    message_id: str
    message: str = field(repr=False)
    # a language of the shop: `de`
    locale: str
    client_type: str
    history: Sequence[Turn]
    tools: Sequence[types.Tool]
    intent: str
    confidence: float
    done: Sequence[Done] = ()
    tell: Callable[[str], Awaitable[None]] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Plan:
    """What is to be done next, or the answer.

    With `calls` the orchestrator runs them and asks again; without, `answer` is what the person is
    told. `thoughts` are short sentences for the steps that people see, in their language.
    """

    calls: Sequence[ToolCall] = ()
    answer: str = ""
    thoughts: Sequence[str] = ()


class PlannerUnavailable(Exception):
    """No provider answers just now, or the budget is used up; `detail` is a sentence for people.

    The orchestrator goes on with what the patterns know, and says so.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Planner(Protocol):
    async def plan(self, task: Task, caller: Caller) -> Plan:
        """The next plan; raise PlannerUnavailable.

        Called on the event loop: it must not block it. It may be cancelled (the person says Stop).
        """
        ...


_planner: Planner | None = None


def register(planner: Planner | None) -> None:
    """From now on ask this one; None for a shop without keys."""
    global _planner
    _planner = planner


def planner() -> Planner | None:
    """None where the shop has no provider."""
    return _planner
