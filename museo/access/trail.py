"""The trail: who did what, when, and to which fields.

It names fields and never holds values: what a field said may be somebody's name or address. What
people and programs changed in the shop is its history and stays; that an agent called a tool is
forgotten after a time.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from museo import bulk, sql
from museo.access.callers import Caller, who_is
from museo.access.models import Trail, User

MOST_SHOWN = 200
# what agents' calls are kept as
OF_CALLS = "mcp."
BATCH = 5000


@dataclass(frozen=True)
class Trace:
    """One row as staff read it; `name` is the person's login, `app` what acted for them."""

    who: str
    name: str
    what: str
    target: str
    fields: list[str]
    outcome: str
    at: datetime
    app: str


def leave(
    caller: Caller,
    what: str,
    target: str,
    *,
    fields: Iterable[str] = (),
    outcome: str = "",
    at: datetime,
) -> None:
    """Note a write, inside its transaction; what may fail, after it, with its outcome."""
    trace = Trail(
        who=caller.who,
        app=_app(caller),
        conversation=caller.conversation,
        what=what,
        target=target,
        fields=list(fields),
        outcome=outcome,
        at=at,
    )
    sql.insert(trace)


def leave_many(
    caller: Caller, what: str, targets: Iterable[str], *, fields: Collection[str] = (), at: datetime
) -> None:
    """Note one write to many, inside its transaction."""
    traces = [(what, target, fields) for target in targets]
    leave_each(caller.who, traces, app=_app(caller), conversation=caller.conversation, at=at)


def leave_each(
    who: str,
    traces: Iterable[tuple[str, str, Collection[str]]],
    *,
    app: str = "",
    conversation: str = "",
    at: datetime,
) -> None:
    """Note many writes of one caller, each with what was done, to what, and its fields."""
    rows = [(what, target, list(fields)) for what, target, fields in traces]
    same = {"who": who, "app": app, "conversation": conversation, "at": at}
    bulk.insert(Trail, ("what", "target", "fields"), rows, alike=same)


def of(*targets: str) -> list[Trace]:
    """What was done to these, newest first; two queries."""
    rows: QuerySet[Trail] = Trail.objects.filter(target__in=targets).order_by("-pk")
    found = list(rows[:MOST_SHOWN])
    names = _names({row.who for row in found})
    return [
        Trace(
            who=row.who,
            name=names.get(row.who, ""),
            what=row.what,
            target=row.target,
            fields=row.fields,
            outcome=row.outcome,
            at=row.at,
            app=row.app,
        )
        for row in found
    ]


def exported(user: User) -> list[dict[str, Any]]:
    """What a person did, oldest first."""
    rows = Trail.objects.filter(who=who_is(user.pk)).order_by("pk")
    told = ("what", "target", "fields", "outcome", "app", "at")
    return list(rows.values(*told))


def _app(caller: Caller) -> str:
    return caller.app.client_id if caller.app else ""


def forget_calls(*, now: datetime, keep: timedelta) -> int:
    """Delete what agents' calls left longer ago than `keep`; return how many."""
    old = Trail.objects.filter(what__startswith=OF_CALLS, at__lt=now - keep).order_by("pk")
    forgotten = 0
    while ids := list(old.values_list("pk", flat=True)[:BATCH]):
        forgotten += Trail.objects.filter(pk__in=ids).delete()[0]
    return forgotten


def _names(callers: Iterable[str]) -> dict[str, str]:
    ids = [int(who.removeprefix("user:")) for who in callers if who.startswith("user:")]
    people = User.objects.filter(pk__in=ids).values_list("pk", "email")
    return {who_is(pk): email for pk, email in people}
