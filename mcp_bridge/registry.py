"""What a tool is: a typed function with a description, its schemas, and who may call it."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import mcp_types as types
from django.utils.translation import gettext as _
from pydantic import BaseModel

from mcp_bridge.arguments import Fields, model_of, schema_of
from mcp_bridge.confirmations import Agreement
from museo.access import scopes
from museo.access.callers import Caller
from museo.access.problems import NotAllowed

Run = Callable[..., Any]


@dataclass(frozen=True)
class Answer:
    """What a tool answers when it has more to say than its data.

    `text` is for the chat. `uri` is the resource that the answer is about: a session that can be
    pushed to is told of its changes from now on. `about` is a public id for the trail, where the
    data says none. `whole` is what another server has answered, passed on as it is.
    """

    data: dict[str, Any]
    text: str
    uri: str = ""
    about: str = ""
    whole: types.CallToolResult | None = None


@dataclass(frozen=True)
class Question:
    """What a tool answers before it does something that a person has to agree to.

    They read `text`, and `yes` is what they say. `data` is for a caller that has to ask them
    itself. `spends`: it costs money.
    """

    agreement: Agreement
    text: str
    yes: str
    data: dict[str, Any] = field(default_factory=dict)
    spends: bool = False


@dataclass(frozen=True)
class Tool:
    """`run` takes a `calls.Call` and the arguments; it is sync, or async where it must wait."""

    name: str
    # FREE where what it is called with asks for itself
    scope: str
    # an order ticket among the arguments opens it as well as the scope does
    takes_ticket: bool
    # customers have the scope, too, and may not
    is_for_staff: bool
    # it tells of its progress, so its answer is worth a stream
    is_streaming: bool
    # fields of its data that hold what others have written
    quotes: tuple[str, ...]
    run: Run
    arguments: type[BaseModel]
    definition: types.Tool

    @property
    def only_reads(self) -> bool:
        hints = self.definition.annotations
        return hints is not None and bool(hints.read_only_hint)

    @cached_property
    def toolset(self) -> str:
        """The module that it stands in: `storefront`, `admin`, `history`, …"""
        return self.run.__module__.rpartition(".")[2]

    @cached_property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.run)

    def is_open_to(self, caller: Caller) -> bool:
        """Whether it is listed for the caller; services ask the database what they may do by it."""
        return not self._is_closed_to(caller) and (self.takes_ticket or self._has_scope(caller))

    def caller(self, caller: Caller, ticket: str) -> Caller:
        """The caller as far as they may call it; raise NotAllowed.

        Who has no more than a ticket for it does no more with it than the ticket opens.
        """
        if self._is_closed_to(caller):
            raise refusal(self.scope, is_for_staff=True)
        return admit(caller, ticket, scope=self.scope, takes_ticket=self.takes_ticket)

    def _is_closed_to(self, caller: Caller) -> bool:
        return self.is_for_staff and not works_for_shop(caller)

    def _has_scope(self, caller: Caller) -> bool:
        return has_scope(caller, self.scope)


def has_scope(caller: Caller, scope: str) -> bool:
    return scope in caller.scopes or scope == scopes.FREE


def admit(caller: Caller, ticket: str, *, scope: str, takes_ticket: bool) -> Caller:
    """The caller as far as scope or ticket go; raise NotAllowed."""
    if has_scope(caller, scope):
        return caller
    if takes_ticket and (ticket or caller.tickets or not caller.who):
        return caller.by_tickets_alone()
    raise refusal(scope, is_for_staff=False)


def works_for_shop(caller: Caller) -> bool:
    """Staff, or a service account, which does as far as its scopes go."""
    return caller.is_staff or (bool(caller.who) and caller.user_id is None)


def refusal(scope: str, *, is_for_staff: bool) -> NotAllowed:
    if is_for_staff:
        return NotAllowed(_("Only staff can use this."))
    return NotAllowed(_("You need the scope %(scope)s for this.") % {"scope": scope})


def tool(
    *,
    title: str,
    scope: str,
    result: type,
    annotations: types.ToolAnnotations,
    takes_ticket: bool = False,
    is_for_staff: bool = False,
    is_streaming: bool = False,
    quotes: tuple[str, ...] = (),
    fields: type[Fields] | None = None,
    meta: dict[str, Any] | None = None,
) -> Callable[[Run], Tool]:
    """Make a function a tool; its docstring is the description, `result` the shape of its data.

    With `fields` it takes those that were given and no others.
    """

    def make(run: Run) -> Tool:
        arguments = fields or model_of(run)
        return Tool(
            name=run.__name__,
            scope=scope,
            takes_ticket=takes_ticket,
            is_for_staff=is_for_staff,
            is_streaming=is_streaming,
            quotes=quotes,
            run=run,
            arguments=arguments,
            definition=types.Tool(
                name=run.__name__,
                title=title,
                description=inspect.getdoc(run),
                input_schema=schema_of(arguments),
                output_schema=schema_of(result),
                annotations=annotations,
                _meta=meta,
            ),
        )

    return make


# how a client may treat a call; but for SENDS, they stay within the shop
READS = types.ToolAnnotations(
    read_only_hint=True, idempotent_hint=True, destructive_hint=False, open_world_hint=False
)
ADDS = types.ToolAnnotations(
    read_only_hint=False, idempotent_hint=False, destructive_hint=False, open_world_hint=False
)
SPENDS = types.ToolAnnotations(
    read_only_hint=False, idempotent_hint=False, destructive_hint=True, open_world_hint=False
)
FOLLOWS = types.ToolAnnotations(
    read_only_hint=False, idempotent_hint=True, destructive_hint=False, open_world_hint=False
)
CHANGES = SPENDS
ENDS = types.ToolAnnotations(
    read_only_hint=False, idempotent_hint=True, destructive_hint=True, open_world_hint=False
)
# what leaves the shop
SENDS = types.ToolAnnotations(
    read_only_hint=False, idempotent_hint=False, destructive_hint=False, open_world_hint=True
)
