"""Who called which tool, how it ended, and what it was about: a row of the trail for each write.

Of what the assistant calls there is a row for each call, with its conversation.

Arguments are what somebody wrote, and answers hold tickets and tokens: of both, only public ids
are kept.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import Error

from mcp_bridge.asking import Asked
from mcp_bridge.registry import Answer, Tool
from museo import sql
from museo.access import limits, trail
from museo.access.callers import Caller
from museo.access.problems import Problem
from museo.access.tokens import PUBLIC_ID

logger = logging.getLogger(__name__)
GUEST = "guest"
# of what was done; our own names are shorter, those of other servers may not be
LONGEST = 40
# where a tool says what it is about
ABOUT = ("number", "order_id", "id", "product", "subscription_id", "import_id")
SENT = ("delivery_id", "notification_id", "task_id")


def is_noted(tool: Tool, caller: Caller) -> bool:
    """Whether a call leaves a row: one that writes, and each of the assistant's."""
    return bool(caller.conversation) or not tool.only_reads


def leave(
    tool: Tool,
    given: Mapping[str, Any],
    outcome: Answer | Asked | Problem,
    caller: Caller,
    *,
    at: datetime,
) -> None:
    """Note the call; what was too often is not noted."""
    if isinstance(outcome, limits.TooOften):
        return
    ended, about = _end(outcome)
    note(tool.name, [about, given], ended, caller, at=at)


def note(
    what: str, told: Sequence[Mapping[str, Any]], ended: str, caller: Caller, *, at: datetime
) -> None:
    """Leave the row: about the first public id of what was `told`, in that order."""
    who = replace(caller, who=caller.who or GUEST)
    target = next(filter(None, map(_target, told)), "")
    try:
        with sql.alone():
            trail.leave(who, f"{trail.OF_CALLS}{what}"[:LONGEST], target, outcome=ended, at=at)
    except Error:
        # what was done is done, and its caller is to hear of it
        logger.exception("no trace left", extra={"tool": what, "who": who.who, "outcome": ended})


def _end(outcome: Answer | Asked | Problem) -> tuple[str, Mapping[str, Any]]:
    if isinstance(outcome, Problem):
        return outcome.code, {}
    if isinstance(outcome, Asked):
        return "asked", {"id": outcome.question.agreement.about}
    if outcome.whole and outcome.whole.is_error:
        return "refused", {}
    about = {"id": outcome.about} if outcome.about else outcome.data
    return "asked" if outcome.data.get("confirm") else "done", about


def _target(told: Mapping[str, Any]) -> str:
    """The first public id among what is told; empty if there is none."""
    for name in (*ABOUT, *SENT):
        value = told.get(name)
        if isinstance(value, str) and PUBLIC_ID.fullmatch(value):
            return value
    return ""
