"""A person's yes in a conversation: to one tool with exactly these arguments, once, within minutes.

What is asked is stored and sealed before it is shown; the yes names it by an id that only its own
conversation knows. Where a client has buttons only the button's id acts. Where it has none, the one
word yes does, right after the question.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.db.models import Q
from django.utils.translation import gettext as _

from catalog.search import words
from mcp_bridge import confirmations
from mcp_bridge.models import Confirmation, Message
from museo.access.encryption import seal, unseal
from museo.access.problems import Problem
from notifications.envelope import timestamp

STATE = Confirmation.State
# all that somebody says who means it; in every language, for people mix them
YES = (
    "yes|y|ok|okay|confirm|ja|jo|jawohl|klar|oui|ouais|d'accord|si|sí|claro|vale|نعم|اجل|ايوه|موافق"
)
NO = "no|n|nope|cancel|stop|nein|nee|abbrechen|non|annuler|cancelar|لا|الغاء"


class NotOpen(Problem):
    """It was answered, is too old, or was never asked here."""

    status = 409
    code = "confirmation_needed"


@dataclass(frozen=True)
class Consent:
    """What was asked: the tool, its arguments, and the token that the tool takes as `confirm`."""

    id: str
    tool: str
    arguments: Mapping[str, Any] = field(repr=False)
    # empty for a tool that does not ask by itself
    token: str = field(repr=False)
    card: Mapping[str, Any] = field(repr=False)


def made(
    message: Message,
    tool: str,
    arguments: Mapping[str, Any],
    *,
    token: str,
    card: Mapping[str, Any],
    now: datetime,
) -> Confirmation:
    """A question, not saved yet; `card` is what the person is shown."""
    kept = {"arguments": dict(arguments), "token": token, "card": dict(card)}
    return Confirmation(
        conversation=message.conversation,
        message=message,
        tool=tool,
        sealed=seal(orjson.dumps(kept).decode()),
        expires_at=now + confirmations.LIFETIME,
    )


def shown(asked: Confirmation) -> dict[str, Any]:
    """The card of the question."""
    card = orjson.loads(unseal(asked.sealed))["card"]
    return {"id": asked.public_id, **card, "expires_at": timestamp(asked.expires_at)}


def find(message: Message, public_id: str, *, now: datetime) -> Confirmation:
    """The question that a message answers, or has begun to answer; raise NotOpen."""
    is_open = Q(state=STATE.OPEN, expires_at__gt=now)
    rows = Confirmation.objects.filter(conversation=message.conversation_id, public_id=public_id)
    asked = rows.filter(is_open | Q(state=STATE.AGREED, answered_by=message)).first()
    if asked is None:
        raise not_open()
    return asked


def read(asked: Confirmation) -> Consent:
    kept = orjson.loads(unseal(asked.sealed))
    return Consent(asked.public_id, asked.tool, kept["arguments"], kept["token"], kept["card"])


def take(public_id: str, message: Message, *, agree: bool, now: datetime) -> None:
    """Answer the question, once; raise NotOpen and change nothing if that is too late.

    The message that has agreed before may do so again: its run has died, and another goes on.
    """
    rows = Confirmation.objects.filter(public_id=public_id)
    state = STATE.AGREED if agree else STATE.DECLINED
    answer = {"state": state, "answered_at": now, "answered_by": message}
    if rows.filter(state=STATE.OPEN, expires_at__gt=now).update(**answer):
        return
    if not rows.filter(state=state, answered_by=message).exists():
        raise not_open()


def not_open() -> NotOpen:
    return NotOpen(
        _("This question is answered already, or older than 10 minutes. Say again what you want.")
    )


def word_of(text: str) -> bool | None:
    """Yes, no, or None for anything else."""
    said = words.fold(text).strip(" .!,")
    if said in _folded(YES):
        return True
    return False if said in _folded(NO) else None


def _folded(listed: str) -> set[str]:
    return {words.fold(each) for each in listed.split("|")}
