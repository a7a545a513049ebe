"""Digests: deliveries to one address of one person that go out as one message.

What is to be gathered waits in the state `gathering` until its window ends, and no sender sees it.
Then the newest of a person's address is pending as any other, and the rest have ended as
`superseded`, told by that one. Whoever sends it asks what it tells of besides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Window
from django.db.models.functions import RowNumber

from museo import bulk
from notifications.models import Delivery, Subscription
from notifications.preferences import DIGEST

FIELDS = ("state", "reason", "ended_at", "told_by_id")
# deliveries of one run, and from how many of those that are due first it takes whose they are
MOST = 5000
MOST_LOOKED_AT = 500
# of what one message tells besides, the newest; of the rest how many there are
MOST_TOLD = 20
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
    """What is due by person and address, oldest first; of no address only a part.

    Of those whose turn it is first: what is due to all the others is not looked at.
    """
    due = Delivery.objects.gathering().filter(due_at__lte=now)
    due = due.exclude(subscription__state=Subscription.State.PAUSED)
    about = ("subscription__who", "subscription__channel", "subscription__address")
    whose = set(due.order_by("due_at").values_list(about[0], flat=True)[:MOST_LOOKED_AT])
    if not whose:
        return []
    found = due.filter(subscription__who__in=whose).order_by(*about, "position")
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


@dataclass
class Besides:
    """The deliveries of the newest events, oldest first, and how many there are before them."""

    deliveries: list[Delivery]
    left_out: int


def told_besides(deliveries: Collection[int]) -> dict[int, Besides]:
    """By delivery, what it tells of besides its own event."""
    rows = Delivery.objects.filter(told_by__in=deliveries).annotate(
        place=Window(RowNumber(), partition_by="told_by", order_by=F("position").desc()),
        count=Window(Count("pk"), partition_by="told_by"),
    )
    # the stubs do not know what was annotated
    newest: Any = rows.filter(place__lte=MOST_TOLD).order_by("position")
    told: dict[int, Besides] = {}
    for each in newest.select_related("subscription").prefetch_related("subscription__further"):
        if each.told_by_id is not None:
            besides = told.setdefault(each.told_by_id, Besides([], max(0, each.count - MOST_TOLD)))
            besides.deliveries.append(each)
    return told
