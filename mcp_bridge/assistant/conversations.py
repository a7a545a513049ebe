"""Conversations with the assistant, as rows: what is said, who answers it, and how that stands.

A message is accepted once, in its place in its conversation, which is locked for that. Messages are
answered one at a time, in their order. A run is a name that holds a lease, and each of its writes
counts the rows that are still its own. Whoever finds a lease that is over takes the message up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson
from django.conf import settings
from django.db import IntegrityError
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import override

from mcp_bridge.assistant import cache, client_types, speakers, steps
from mcp_bridge.assistant.steps import Step, Steps
from mcp_bridge.models import Confirmation, Conversation, Message, ToolRun, message_id
from museo import sql
from museo.access import limits
from museo.access.admission import OF_SERVICE_ACCOUNTS as FOR_MANY
from museo.access.callers import Caller, caller_for_user, supported_locale
from museo.access.encryption import seal, unseal
from museo.access.models import User
from museo.access.problems import Invalid, NotAllowed, NotFound, field_error
from museo.access.tokens import as_name, digest
from notifications import erasure, log
from notifications.envelope import REMOVED, timestamp
from notifications.models import EventText, EventTopic

STATE = Message.State
OPEN = (STATE.WAITING, STATE.RUNNING)
LONGEST = 4000
LARGEST_DETAILS = 8 * 1024
# of the calls of REST that a person may make in a minute, this part may be messages
PART_OF_CALLS = 10
LEASE = timedelta(seconds=15)
# one that nobody has taken by then was not heard of
TAKEN_WITHIN = timedelta(seconds=2)
MOST_SHOWN = 200
BATCH = 500
UNANSWERED = (
    "SELECT 1 FROM mcp_bridge_message WHERE conversation_id = %s AND ended_at IS NULL LIMIT 1"
)
ONE_MORE = (
    "UPDATE mcp_bridge_conversation"
    " SET revision = revision + 1, updated_at = %s, expires_at = %s"
    " WHERE public_id = %s AND owner = %s AND expires_at > %s RETURNING *"
)
REMEMBER = (
    "UPDATE mcp_bridge_conversation SET sealed = COALESCE(%s, sealed), updated_at = %s"
    " WHERE id = %s RETURNING revision"
)


@dataclass(frozen=True)
class Said:
    """What one message says, and who says it."""

    text: str = field(default="", repr=False)
    # the question that it answers, by public id, and the answer
    confirm: str = ""
    agree: bool = True
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)
    # they have named the language that they want to be answered in
    named_locale: bool = False
    # where the answer goes, of a message that came by a channel
    sender: str = field(default="", repr=False)
    speaker: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, message: Message) -> Said:
        """Nothing once it was erased."""
        return cls(**orjson.loads(unseal(message.sealed))) if message.sealed else cls()


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


def events_url(message_id: str) -> str:
    return f"{settings.MUSEO_PUBLIC_URL}/api/chat/sse?messageId={message_id}"


# taking in


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


def _update(table: str, values: Mapping[str, Any], where: str, *params: Any) -> int:
    """How many rows were changed; asked by a statement of our own (`museo.sql`)."""
    columns = ", ".join(f"{name} = %s" for name in values)
    statement = f"UPDATE {table} SET {columns} WHERE {where}"  # noqa: S608  names of our own
    return sql.changed(statement, [*values.values(), *params])


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
    is_one_person = caller.who.startswith("user:")
    most = settings.MUSEO_CALLS_PER_MINUTE // PART_OF_CALLS * (1 if is_one_person else FOR_MANY)
    key = f"assistant:{caller.who or limits.network(caller.address)}"
    limits.require_allowance(key, most=max(1, most), seconds=60, now=now)


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


def unknown_conversation() -> NotFound:
    return NotFound(_("There is no such conversation, or it has ended. Begin another one."))


def _invalid(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[field_error(pointer, code, detail)])


# runs


def claim(pk: int, runner: str, *, now: datetime) -> bool:
    """Take a message that waits for nobody before it, or whose run has died; whether it is ours."""
    earlier = Message.objects.filter(
        conversation=OuterRef("conversation"), number__lt=OuterRef("number"), state__in=OPEN
    )
    waits = Q(state=STATE.WAITING) & ~Exists(earlier)
    is_dead = Q(state=STATE.RUNNING, leased_until__lt=now)
    mine = Message.objects.filter(waits | is_dead, pk=pk)
    return bool(
        mine.update(
            state=STATE.RUNNING,
            runner=runner,
            leased_until=now + LEASE,
            began_at=now,
        )
    )


def left_alone(*, now: datetime) -> list[int]:
    """Messages that nobody answers: their run has died, or nobody heard of them."""
    unheard = Q(state=STATE.WAITING, at__lt=now - TAKEN_WITHIN)
    is_dead = Q(state=STATE.RUNNING, leased_until__lt=now)
    rows = Message.objects.filter(unheard | is_dead, ended_at=None).order_by("pk")
    return list(rows.values_list("pk", flat=True)[:BATCH])


def next_in(conversation_id: int) -> int | None:
    """The message that comes next in a conversation; None if all are answered or at work."""
    rows = Message.objects.filter(conversation=conversation_id, state__in=OPEN).order_by("number")
    first = rows.values_list("pk", "state").first()
    return first[0] if first and first[1] == STATE.WAITING else None


def keep_alive(runner: str, *, now: datetime) -> list[int]:
    """Hold the run's leases on; those of its messages whose person has said Stop."""
    mine = Message.objects.filter(runner=runner, state=STATE.RUNNING)
    mine.update(leased_until=now + LEASE)
    return list(mine.filter(stop_at__isnull=False).values_list("pk", flat=True))


def held_by(runner: str, pk: int) -> QuerySet[Message]:
    """The message, as long as this run may write of it."""
    return Message.objects.filter(pk=pk, runner=runner, state=STATE.RUNNING)


def interrupted(message: Message, *, now: datetime) -> str:
    """A tool that an earlier run of it has begun and that cannot be repeated; empty for none."""
    if message.step <= 1:
        return ""
    begun = ToolRun.objects.filter(message=message, ended_at=None)
    names = list(begun.filter(is_repeatable=False).values_list("tool", flat=True))
    begun.update(outcome="unknown", ended_at=now)
    return names[0] if names else ""


class Stopped(Exception):
    """The person has said so."""


class Lost(Exception):
    """Another run has the message now, or it is erased: what this one finds counts no more."""


def end(
    message: Message,
    runner: str,
    told: Steps,
    *,
    state: str,
    outcome: str,
    response: Mapping[str, Any],
    memory: str | None = None,
    ended: Sequence[ToolRun] = (),
    asked: Confirmation | None = None,
    now: datetime,
    **columns: Any,
) -> bool:
    """Write the answer and tell it, once; raise Lost if it is not this run's to give.

    Returns whether something else has been said meanwhile.

    `memory` is what the conversation remembers from now on, sealed; None leaves it. `ended` are
    tools whose ends are written with it, `asked` is the question that the answer asks.
    """
    is_failed = state == STATE.FAILED
    metadata = {"code": outcome} if is_failed else {"outcome": outcome}
    last = Step(
        steps.ERROR if is_failed else steps.PROCESS_COMPLETE,
        _described(state, outcome),
        metadata,
        error=str(response["message"]) if is_failed else "",
        response=response,
    )
    with log.change() as change:
        # locked first, as by whoever says something more
        newest = sql.rows(REMEMBER, [memory, now, message.conversation_id])
        told.end(last, is_whole=state == STATE.DONE)
        written = {
            "state": str(state),
            "outcome": outcome,
            "sealed_response": seal(orjson.dumps(response).decode()),
            "runner": "",
            "leased_until": None,
            "ended_at": now,
            "reply_due_at": now if message.channel else None,
            **told.reached,
            **columns,
        }
        is_mine = "id = %s AND runner = %s AND ended_at IS NULL"
        if not _update("mcp_bridge_message", written, is_mine, message.pk, runner):
            raise Lost
        note_ends(ended)
        if asked:
            sql.insert(asked)
        told.tell(change, at=now)
    return bool(newest) and newest[0][0] > message.number


def note_ends(tools: Sequence[ToolRun]) -> None:
    """How tools have ended, and when."""
    for each in tools:
        values = {"outcome": each.outcome, "ended_at": each.ended_at}
        _update("mcp_bridge_toolrun", values, "id = %s", each.pk)


def go_on(message: Message, runner: str, told: Steps, *, now: datetime) -> None:
    """Hold the message on and say how far it is; raise Stopped or Lost if it may not go on."""
    written = {"leased_until": now + LEASE, **told.reached}
    is_mine = "id = %s AND runner = %s AND state = 'running' AND stop_at IS NULL"
    if not _update("mcp_bridge_message", written, is_mine, message.pk, runner):
        raise Stopped if held_by(runner, message.pk).exists() else Lost


def _described(state: str, outcome: str) -> str:
    if state == STATE.FAILED:
        return steps.HAS_FAILED
    if state == STATE.STOPPED:
        return steps.HAS_STOPPED
    return steps.WAITS if outcome == "asked" else steps.ANSWERED


# Stop


def stop(caller: Caller, message_id: str, *, now: datetime) -> Message:
    """Begin no further tool; what has ended stays as it is. Raises NotFound."""
    message = find(caller, message_id, now=now)
    asked = Message.objects.filter(pk=message.pk, state=STATE.RUNNING, stop_at=None)
    if asked.update(stop_at=now):
        return find(caller, message_id, now=now)
    if message.state == STATE.WAITING:
        try:
            end(
                message,
                "",
                Steps(message),
                state=STATE.STOPPED,
                outcome="stopped",
                response=stopped(message),
                now=now,
            )
        except Lost:
            # a run has just taken it
            Message.objects.filter(pk=message.pk, ended_at=None).update(stop_at=now)
    return find(caller, message_id, now=now)


def stopped(message: Message) -> dict[str, Any]:
    """The response of a message that was stopped."""
    with override(message.locale):
        return response(
            message, _("Stopped. Nothing more was done."), outcome="stopped", data={"kind": "text"}
        )


def response(
    message: Message,
    text: str,
    *,
    outcome: str,
    data: Mapping[str, Any],
    **metadata: Any,
) -> dict[str, Any]:
    """What a person is answered, as docs/assistant.md has it."""
    return {
        "type": "response",
        "message": text,
        "data": dict(data),
        "metadata": {
            "message_id": message.public_id,
            "conversation_id": message.conversation.public_id,
            "client_type": message.client_type,
            "locale": message.locale,
            "outcome": outcome,
            **metadata,
        },
    }


# reading


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


# forgetting


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


def erase(user: User, now: datetime) -> int:
    """Delete what a person said and was answered; return how many messages."""
    mine = Conversation.objects.filter(owner=_owner(user))
    count = Message.objects.filter(conversation__in=mine).count()
    forget(mine, now=now)
    return count


def forget_expired(*, now: datetime) -> int:
    return forget(Conversation.objects.filter(expires_at__lte=now), now=now)
