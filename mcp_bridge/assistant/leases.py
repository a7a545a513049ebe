"""Who answers a message: a run, which is a name that holds a lease.

Messages of a conversation are answered one at a time, in their order. Each of a run's writes counts
the rows that are still its own. Whoever finds a lease that is over takes the message up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import override

from mcp_bridge.assistant import steps
from mcp_bridge.assistant.conversations import OPEN, STATE, find
from mcp_bridge.assistant.steps import Step, Steps
from mcp_bridge.models import Confirmation, Message, ToolRun
from museo import sql
from museo.access.callers import Caller
from museo.access.encryption import seal
from notifications import log

LEASE = timedelta(seconds=15)
# one that nobody has taken by then was not heard of
TAKEN_WITHIN = timedelta(seconds=2)
BATCH = 500
REMEMBER = (
    "UPDATE mcp_bridge_conversation SET sealed = COALESCE(%s, sealed), updated_at = %s"
    " WHERE id = %s RETURNING revision"
)


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


def _update(table: str, values: Mapping[str, Any], where: str, *params: Any) -> int:
    """How many rows were changed; asked by a statement of our own (`museo.sql`)."""
    columns = ", ".join(f"{name} = %s" for name in values)
    statement = f"UPDATE {table} SET {columns} WHERE {where}"  # noqa: S608  names of our own
    return sql.changed(statement, [*values.values(), *params])
