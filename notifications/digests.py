"""Digests: deliveries to one address of one person that go out as one message.

What is to be gathered waits in the state `gathering` until its window ends, and no sender sees it.
Then the newest of a person's address is pending as any other, and the rest have ended as
`superseded`, told by that one. Whoever sends it asks what it tells of besides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import transaction

from museo import bulk
from notifications.models import Delivery, Subscription
from notifications.preferences import DIGEST

FIELDS = ("state", "reason", "ended_at", "told_by_id")
MOST = 5000
# who is told where
Address = tuple[str, str, str]
Row = tuple[int, str, Address]


def gather(*, now: datetime) -> int:
    """Make messages of what is due; return how many. Any number of processes may run it."""
    due = _due(now)
    if not due:
        return 0
    with transaction.atomic():
        held = _lock([pk for pk, _state, _address in due])
        mine = [row for row in due if row[0] in held]
        groups = [list(rows) for _address, rows in groupby(mine, key=lambda row: row[2])]
        changes = [_changes(rows, now=now) for rows in groups]
        bulk.update(Delivery, FIELDS, [change for of_group in changes for change in of_group])
    return len(groups)


def _due(now: datetime) -> list[Row]:
    """What is due by person and address, oldest first; of no address only a part."""
    due = Delivery.objects.gathering().filter(due_at__lte=now)
    about = ("subscription__who", "subscription__channel", "subscription__address")
    found = due.exclude(subscription__state=Subscription.State.PAUSED).order_by(*about, "position")
    named = found.values_list("pk", "subscription__state", *about)[:MOST]
    rows: list[Row] = [(pk, state, tuple(address)) for pk, state, *address in named]
    if len(rows) < MOST or rows[0][2] == rows[-1][2]:
        return rows
    return [row for row in rows if row[2] != rows[-1][2]]


def _lock(ids: Collection[int]) -> set[int]:
    """Those that nobody has gathered meanwhile, locked."""
    return Delivery.objects.gathering().filter(pk__in=ids).lock()


def _changes(rows: Sequence[Row], *, now: datetime) -> Iterable[tuple[Any, ...]]:
    """What becomes of one address's deliveries, the values of FIELDS by id."""
    active = [pk for pk, state, _address in rows if state == Subscription.State.ACTIVE]
    newest = active[-1] if active else None
    for pk, state, _address in rows:
        if state != Subscription.State.ACTIVE:
            yield pk, str(Delivery.State.SKIPPED), "disabled", now, None
        elif pk == newest:
            yield pk, str(Delivery.State.PENDING), DIGEST, None, None
        else:
            yield pk, str(Delivery.State.SUPERSEDED), DIGEST, now, newest


def told_besides(deliveries: Collection[int]) -> dict[int, list[int]]:
    """By delivery, the positions of the events that it tells of besides its own, oldest first."""
    rows = Delivery.objects.filter(told_by__in=deliveries).order_by("position")
    told: dict[int, list[int]] = defaultdict(list)
    for lead, position in rows.values_list("told_by", "position"):
        if lead is not None:
            told[lead].append(position)
    return dict(told)
