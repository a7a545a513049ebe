"""Orders under way as staff look after them: a column for each step, what is late first.

A board costs the same few queries however many orders there ever were: columns are cut at MOST, and
of those that have ended only the newest are looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Sum, Window
from django.db.models.functions import Coalesce, RowNumber
from django.utils.translation import gettext

from museo.access.callers import Caller
from museo.access.permissions import may
from museo.access.problems import NotAllowed
from orders import lifecycle
from orders.models import Order, OrderLine, OrderStep

# slips of a column; how many more there are is said
MOST = 100
UNDER_WAY = tuple(status for status in lifecycle.PROGRESS if status not in lifecycle.ENDED)
# the last column: what has ended within this time, so many at most
DONE = "done"
LATELY = timedelta(hours=1)
MOST_DONE = 12
ENDINGS = (lifecycle.DELIVERED, lifecycle.FAILED, lifecycle.CANCELLED)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Slip:
    """What staff see of an order at a glance; `following` is empty when no step can be taken."""

    order: Order
    column: str
    units: int
    following: str
    # when the step that it stands at was reached
    since: datetime
    late_by: timedelta | None = None

    @property
    def is_late(self) -> bool:
        return self.late_by is not None

    @property
    def place(self) -> str:
        """Where in its column: late first, then what is due next."""
        due = self.order.next_step_at or self.order.ended_at or self.order.eta
        if self.column == DONE:
            return f"{10**11 - due.timestamp():.3f}"
        return f"{0 if self.is_late else 1}{due.timestamp():015.3f}"

    @property
    def label_key(self) -> str:
        return lifecycle.text_key(self.order.status, "label")

    def done(self, now: datetime) -> int:
        """How much of its step is over, in percent."""
        due = self.order.next_step_at
        if self.order.status in lifecycle.ENDED:
            return 100
        if due is None or due <= self.since:
            return 0
        return max(0, min(100, round(100 * (now - self.since) / (due - self.since))))


@dataclass(frozen=True)
class Column:
    name: str
    count: int = 0
    late: int = 0
    slips: Sequence[Slip] = field(default=())

    @property
    def label_key(self) -> str:
        return "" if self.name == DONE else lifecycle.text_key(self.name, "label")

    @property
    def more(self) -> int:
        """So many have no slip."""
        return max(0, self.count - len(self.slips))


def whole(caller: Caller, *, now: datetime) -> list[Column]:
    """The board; raise NotAllowed for who may not see all orders."""
    require(caller)
    ids = [*_first_of_each(), *_done_lately(now)]
    by_column: dict[str, list[Slip]] = {}
    for slip in _slips(ids, now=now):
        by_column.setdefault(slip.column, []).append(slip)
    return [
        Column(
            column.name,
            column.count,
            column.late,
            sorted(by_column.get(column.name, ()), key=lambda slip: slip.place),
        )
        for column in counted()
    ]


def some(caller: Caller, numbers: Collection[str], *, now: datetime) -> list[Slip]:
    """The slips of these orders as they stand now; raise NotAllowed as `whole` does."""
    require(caller)
    known = [number for number in numbers if number.isprintable()][:MOST]
    ids = Order.objects.filter(number__in=known).values_list("pk", flat=True)
    return _slips(list(ids), now=now)


def require(caller: Caller) -> None:
    if not may(caller, "orders.view_order"):
        raise NotAllowed(gettext("Only staff who may see all orders can see the board."))


def counted() -> list[Column]:
    """The columns without slips: how many orders are at each step, and how many of them late."""
    rows = Order.objects.filter(status__in=UNDER_WAY).values_list("status")
    counts = {
        status: (count, late)
        for status, count, late in rows.annotate(
            count=Count("pk"), late=Count("pk", filter=Q(late_at__isnull=False))
        )
    }
    return [*(Column(status, *counts.get(status, (0, 0))) for status in UNDER_WAY), Column(DONE)]


def _first_of_each() -> list[int]:
    """Of each step those that come first on the board."""
    late_first = (F("late_at").asc(nulls_last=True), F("next_step_at").asc(nulls_last=True))
    place = Window(RowNumber(), partition_by="status", order_by=[*late_first, F("pk").asc()])
    first = Order.objects.filter(status__in=UNDER_WAY).annotate(place=place).filter(place__lte=MOST)
    return list(first.values_list("pk", flat=True))


def _done_lately(now: datetime) -> list[int]:
    """Of those placed last, because that is what an index knows; in three short looks."""
    ended = [
        (ended_at, pk)
        for status in ENDINGS
        for pk, ended_at in Order.objects.filter(status=status)
        .order_by("-placed_at", "-pk")
        .values_list("pk", "ended_at")[:MOST_DONE]
        if ended_at and ended_at > now - LATELY
    ]
    return [pk for _at, pk in sorted(ended, reverse=True)[:MOST_DONE]]


def _slips(ids: Iterable[int], *, now: datetime) -> list[Slip]:
    return [_slip(order, now) for order in _told(ids)]


def _told(ids: Iterable[int]) -> QuerySet[Any]:
    """With what a slip says beside the order's own row; no more of it is read."""
    lines = OrderLine.objects.filter(order=OuterRef("pk")).order_by().values("order")
    steps = OrderStep.objects.filter(order=OuterRef("pk"))
    return (
        Order.objects.filter(pk__in=list(ids))
        .only(
            *("number", "name", "address", "delivery", "status", "step", "steps_total", "waits"),
            *("next_step_at", "promised_at", "eta", "late_at", "held_at", "placed_at", "ended_at"),
        )
        .annotate(
            units=Coalesce(Subquery(lines.annotate(sum=Sum("quantity")).values("sum")), 0),
            reached_at=Subquery(steps.filter(index=OuterRef("step")).values("at")),
            following=Subquery(steps.filter(index=OuterRef("step") + 1).values("status")),
        )
    )


def _slip(order: Any, now: datetime) -> Slip:
    has_ended = order.status in lifecycle.ENDED
    return Slip(
        order=order,
        column=DONE if has_ended else order.status,
        units=order.units,
        following="" if has_ended or order.held_at else order.following or "",
        since=order.reached_at or order.placed_at,
        late_by=max(order.eta, now) - order.promised_at if order.is_late else None,
    )
