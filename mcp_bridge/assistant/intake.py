"""What is said to the assistant is taken in: once, in its place in its conversation.

The conversation is locked for that. What cannot be kept, or comes too often, is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.conf import settings
from django.db import IntegrityError
from django.utils.translation import gettext as _

from mcp_bridge import budgets
from mcp_bridge.assistant import client_types, speakers, steps
from mcp_bridge.assistant.conversations import STATE, events_url, unknown_conversation
from mcp_bridge.assistant.leases import LEASE
from mcp_bridge.assistant.said import Said
from mcp_bridge.assistant.steps import Step, Steps
from mcp_bridge.models import Conversation, Message, message_id
from museo import sql
from museo.access import limits
from museo.access.callers import Caller, supported_locale
from museo.access.encryption import seal
from museo.access.problems import Invalid, NotAllowed, field_error
from museo.access.tokens import digest
from notifications import log

LONGEST = 4000
LARGEST_DETAILS = 8 * 1024
# of the calls of REST that a person may make in a minute, this part may be messages
PART_OF_CALLS = 10
UNANSWERED = (
    "SELECT 1 FROM mcp_bridge_message WHERE conversation_id = %s AND ended_at IS NULL LIMIT 1"
)
ONE_MORE = (
    "UPDATE mcp_bridge_conversation"
    " SET revision = revision + 1, updated_at = %s, expires_at = %s"
    " WHERE public_id = %s AND owner = %s AND expires_at > %s RETURNING *"
)


@dataclass(frozen=True)
class Accepted:
    """`notes` say what was taken for something else: `{"code", "detail"}`."""

    message: Message
    notes: list[dict[str, str]]

    def shown(self) -> dict[str, Any]:
        return {
            "message_id": self.message.public_id,
            "conversation_id": self.message.conversation.public_id,
            "events_url": events_url(self.message.public_id),
            "client_type": self.message.client_type,
            "locale": self.message.locale,
            "notes": self.notes,
        }


def accept(
    caller: Caller,
    *,
    text: str = "",
    conversation_id: str = "",
    client_type: str = "",
    locale: str = "",
    confirm: str = "",
    agree: bool = True,
    details: Mapping[str, Any] | None = None,
    key: str = "",
    id: str = "",
    runner: str = "",
    channel: str = "",
    sender: str = "",
    now: datetime,
) -> Accepted:
    """Keep a message; it is `runner`'s to answer, or whoever's that hears of it.

    One that was sent before under the same `key` is not kept again, but found. Raises Invalid,
    NotFound for a conversation that is not the caller's, and TooOften.
    """
    if not caller.process:
        raise NotAllowed(_("Nobody could hear the answer here. Sign in, or come by the network."))
    require_sayable(text, confirm=confirm, details=details)
    name = _key(caller, key)
    if name and (known := _sent_as(name)):
        return Accepted(known, [])
    count(caller, now=now)
    notes: list[dict[str, str]] = []
    kind = _client_type(client_type, notes)
    language = _locale(locale, caller, notes)
    said = Said(
        text=text.strip(),
        confirm=confirm,
        agree=agree,
        details=details or {},
        named_locale=bool(locale) and not notes,
        sender=sender,
        speaker=speakers.written(caller),
    )
    try:
        message = _keep(
            caller,
            Message(
                public_id=id or message_id(),
                client_type=kind,
                locale=language,
                key=name,
                channel=channel,
                sealed=seal(orjson.dumps(asdict(said)).decode()),
                at=now,
            ),
            conversation_id,
            runner,
        )
    except IntegrityError:
        # it was sent twice at the same moment
        twin = _sent_as(name) if name else None
        if twin is None:
            raise
        message = twin
    return Accepted(message, notes)


def _keep(caller: Caller, message: Message, conversation_id: str, runner: str) -> Message:
    """Put it at the end of its conversation, at work if nothing is before it, and tell of it."""
    now = message.at
    with log.change() as change:
        conversation = _locked(caller, conversation_id, now=now)
        is_first = not sql.rows(UNANSWERED, [conversation.pk])
        is_taken = bool(runner) and is_first
        message.conversation = conversation
        message.number = conversation.revision
        message.state = STATE.WAITING
        if is_taken:
            message.state, message.runner = STATE.RUNNING, runner
            message.leased_until, message.began_at = now + LEASE, now
        told = Steps(message)
        about = {"client_type": message.client_type}
        told.add(Step(steps.PROCESS_START, steps.STARTED, about), part=0)
        for name, value in told.reached.items():
            setattr(message, name, value)
        sql.insert(message)
        told.tell(change, at=now, also=() if is_taken or not is_first else (steps.WAITING,))
    return message


def _key(caller: Caller, key: str) -> str:
    """What a caller's own name of a message is kept as; empty for none."""
    return digest(f"{caller.process} {key}") if key else ""


def _sent_as(key: str) -> Message | None:
    return Message.objects.select_related("conversation").filter(key=key).first()


def require_sayable(text: str, *, confirm: str, details: Mapping[str, Any] | None) -> None:
    """Raise Invalid for what says nothing, too much, or cannot be kept."""
    if not (text.strip() or confirm or details):
        raise _invalid("/message", "required", _("Say what you want."))
    if len(text) > LONGEST:
        detail = _("Say it in at most %(most)s letters.") % {"most": LONGEST}
        raise _invalid("/message", "too_long", detail)
    try:
        kept = orjson.dumps([text, confirm, details or {}])
    except (TypeError, ValueError):
        kept = b"\\u0000"
    if b"\\u0000" in kept:
        raise _invalid("/message", "invalid", _("Write this as text."))
    if len(kept) - len(text.encode()) > LARGEST_DETAILS:
        raise _invalid("/details", "too_long", _("These details are too long."))


def count(caller: Caller, *, now: datetime) -> None:
    """Take one message; raise TooOften."""
    most = max(1, budgets.calls_a_minute(caller) // PART_OF_CALLS)
    key = f"assistant:{caller.who or limits.network(caller.address)}"
    limits.require_allowance(key, most=most, seconds=60, now=now)


def _client_type(asked: str, notes: list[dict[str, str]]) -> str:
    if asked and asked not in client_types.ALL:
        detail = _("There is no such client type; %(name)s is used. The types are: %(names)s.")
        names = ", ".join(client_types.ALL)
        detail %= {"name": client_types.WEB.name, "names": names}
        notes.append({"code": "unknown_client_type", "detail": detail})
    return client_types.of(asked).name


def _locale(asked: str, caller: Caller, notes: list[dict[str, str]]) -> str:
    found = supported_locale(asked[:35], default="") if asked else caller.locale
    if not found:
        detail = _("This language is not spoken here; %(locale)s is used.")
        notes.append({"code": "unknown_locale", "detail": detail % {"locale": caller.locale}})
    return found or caller.locale


def _locked(caller: Caller, public_id: str, *, now: datetime) -> Conversation:
    """The conversation with one more message, locked until the transaction ends."""
    until = now + timedelta(days=settings.MUSEO_CONVERSATION_DAYS)
    if not public_id:
        new = Conversation(
            owner=caller.process, revision=1, created_at=now, updated_at=now, expires_at=until
        )
        sql.insert(new)
        return new
    asked = [now, until, public_id[:30], caller.process, now]
    found = sql.returned(Conversation, ONE_MORE, asked)
    if not found:
        raise unknown_conversation()
    return found[0]


def _invalid(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[field_error(pointer, code, detail)])
