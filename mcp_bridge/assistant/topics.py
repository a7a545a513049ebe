"""`conversation.<id>`: all that happens in a conversation, for whoever has it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.utils import timezone

from mcp_bridge.assistant import steps
from mcp_bridge.models import Conversation, Message
from notifications import topics

PREFIX = "conversation"


def may_read(wanted: Sequence[topics.Wanted]) -> list[set[str]]:
    """One's own; one query for all who ask."""
    asked = {_id(name) for _caller, names in wanted for name in names}
    rows = Conversation.objects.filter(public_id__in=asked, expires_at__gt=timezone.now())
    owners = dict(rows.values_list("public_id", "owner"))
    return [
        {name for name in names if caller.process and owners.get(_id(name)) == caller.process}
        for caller, names in wanted
    ]


def snapshot(names: Collection[str], locale: str) -> Mapping[str, dict[str, Any]]:
    """Its last message, and how far that is."""
    rows = Message.objects.filter(conversation__public_id__in=[_id(name) for name in names])
    last = {
        steps.conversation_topic(conversation): {
            "conversation_id": conversation,
            "message_id": public_id,
            "state": state,
            "step": step,
            "totalSteps": total,
            "progress": progress,
        }
        for conversation, public_id, state, step, total, progress in rows.order_by(
            "number"
        ).values_list("conversation__public_id", "public_id", "state", "step", "steps", "progress")
    }
    return {name: last.get(name, {"conversation_id": _id(name)}) for name in names}


def _id(name: str) -> str:
    return name.partition(".")[2]


def register() -> None:
    topics.register(PREFIX, may_read=may_read, snapshot=snapshot)
