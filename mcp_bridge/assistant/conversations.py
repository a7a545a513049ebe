"""Conversations with the assistant, for those who have them: read, taken along, and erased.

What is said in them is taken in by `intake` and answered under `leases`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import orjson
from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import override

from mcp_bridge.assistant import cache, steps
from mcp_bridge.assistant.said import Said
from mcp_bridge.models import Conversation, Message
from museo.access.callers import Caller, caller_for_user
from museo.access.encryption import unseal
from museo.access.models import User
from museo.access.problems import NotFound
from museo.access.tokens import as_name
from notifications import erasure, log
from notifications.envelope import REMOVED, timestamp
from notifications.models import EventText, EventTopic

STATE = Message.State
OPEN = (STATE.WAITING, STATE.RUNNING)
MOST_SHOWN = 200
BATCH = 500


def find(caller: Caller, message_id: str, *, now: datetime) -> Message:
    """One's own; raise NotFound."""
    own = Conversation.objects.of(caller, now=now)
    rows = Message.objects.select_related("conversation").filter(conversation__in=own)
    message = rows.filter(public_id=as_name(message_id)).first()
    if message is None:
        raise NotFound(_("There is no such message, or you may not see it."))
    return message


def find_conversation(caller: Caller, public_id: str, *, now: datetime) -> Conversation:
    """One's own that has not ended; raise NotFound."""
    own = Conversation.objects.of(caller, now=now)
    found = own.filter(public_id=as_name(public_id)).first()
    if found is None:
        raise unknown_conversation()
    return found


def show(message: Message) -> dict[str, Any]:
    """How a message stands."""
    with override(message.locale):
        described = _(message.description)
    return {
        "message_id": message.public_id,
        "conversation_id": message.conversation.public_id,
        "state": message.state,
        "said": Said.of(message).text if message.sealed else REMOVED,
        "at": timestamp(message.at),
        "events_url": events_url(message.public_id),
        "process": {
            "step": message.step,
            "totalSteps": message.steps,
            "description": described,
            "progress": message.progress,
            "status": STATUSES[message.state],
        },
        "response": read_response(message),
    }


STATUSES: Mapping[str, str] = {
    STATE.WAITING: "idle",
    STATE.RUNNING: "running",
    STATE.DONE: "complete",
    STATE.STOPPED: "complete",
    STATE.FAILED: "error",
}


def read_response(message: Message) -> dict[str, Any] | None:
    """None before the end."""
    if not message.sealed_response:
        return None
    read: dict[str, Any] = orjson.loads(unseal(message.sealed_response))
    return read


def show_conversation(conversation: Conversation) -> dict[str, Any]:
    """All that was said in it, oldest first; of a long one the end."""
    rows = conversation.messages.select_related("conversation").order_by("-number")[:MOST_SHOWN]
    return {
        "conversation_id": conversation.public_id,
        "expires_at": timestamp(conversation.expires_at),
        "messages": [show(message) for message in reversed(rows)],
    }


def exported(user: User) -> list[dict[str, Any]]:
    """Everything that is kept of what a person said, and was answered."""
    rows = Conversation.objects.filter(owner=_owner(user)).order_by("pk")
    return [show_conversation(each) for each in rows]


def _owner(user: User) -> str:
    return caller_for_user(user, locale=settings.LANGUAGE_CODE).process


def unknown_conversation() -> NotFound:
    return NotFound(_("There is no such conversation, or it has ended. Begin another one."))


def events_url(message_id: str) -> str:
    return f"{settings.MUSEO_PUBLIC_URL}/api/chat/sse?messageId={message_id}"


def forget(conversations: QuerySet[Conversation], *, now: datetime) -> int:
    """Delete them with all that was said in them, also in the log; return how many."""
    forgotten = 0
    while pks := list(conversations.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        rows = Message.objects.filter(conversation__in=pks)
        named = rows.values_list("conversation__owner", "public_id")
        topics = [steps.topic(owner, public_id) for owner, public_id in named]
        with log.change() as change:
            for owner in {owner for owner, _public_id in named}:
                change.afterwards(partial(cache.forget, owner))
            _forget_texts(topics)
            forgotten += Conversation.objects.filter(pk__in=pks).delete()[1][
                "mcp_bridge.Conversation"
            ]
            change.event(erasure.TOPIC, "text.erased", {"user_id": None}, at=now)
    return forgotten


def _forget_texts(topics: Iterable[str]) -> None:
    heard = EventTopic.objects.filter(topic__in=list(topics))
    EventText.objects.filter(position__in=heard.values("position")).delete()


def erase(person: erasure.Person, now: datetime) -> int:
    """Delete what a person said and was answered; return how many messages."""
    if person.user is None:
        return 0
    mine = Conversation.objects.filter(owner=_owner(person.user))
    count = Message.objects.filter(conversation__in=mine).count()
    forget(mine, now=now)
    return count


def forget_expired(*, now: datetime) -> int:
    return forget(Conversation.objects.filter(expires_at__lte=now), now=now)
