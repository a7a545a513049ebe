"""Orders that are late: a step should have been taken, and nobody has taken it.

Each is found once, told of with the time that is expected now, and what is still to come moves back
as if the step were taken at this moment. A round costs the same few statements for each batch; its
partial index holds only orders that move and are not known to be late.
"""

from collections.abc import Callable
from datetime import datetime

from django.db import connection
from django.db.models import (
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.expressions import Combinable

from notifications import log
from orders import lifecycle, tracking
from orders.models import Order, OrderStep

BATCH = 500


def tell_overdue(*, now: datetime, is_time_left: Callable[[], bool] = lambda: True) -> int:
    """Find the orders that have become late, and tell so; return how many.

    Any number of these may run at once: each order is told of once.
    """
    found = 0
    while late := _tell_batch(now):
        found += late
        if not is_time_left():
            break
    return found


def _tell_batch(now: datetime) -> int:
    overdue = Order.objects.overdue(now)
    # looked at outside of any transaction: mostly there is none
    if not overdue.exists():
        return 0
    with log.change() as change:
        ids = list(
            _claimed(overdue.order_by("next_step_at", "pk")).values_list("pk", flat=True)[:BATCH]
        )
        _move_back(ids, now)
        for order in Order.objects.filter(pk__in=ids).order_by("number"):
            tracking.tell_new_time(change, order, reason=lifecycle.OVERDUE, now=now)
    return len(ids)


def _claimed(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Locked, but for those that somebody else moves; SQLite's one writer is lock enough."""
    if connection.vendor == "postgresql":
        return orders.select_for_update(skip_locked=True)
    return orders


def _move_back(ids: list[int], now: datetime) -> None:
    """All that is still to come, by as much as the next step is overdue."""
    orders = Order.objects.filter(pk__in=ids)
    due_at = Subquery(Order.objects.filter(pk=OuterRef("order")).values("next_step_at"))
    to_come = OrderStep.objects.filter(order__in=ids, index__gt=F("order__step"))
    to_come.update(due_at=_later(F("due_at"), due_at, now))
    orders.update(eta=_later(F("eta"), F("next_step_at"), now), next_step_at=now, late_at=now)


def _later(moment: F, due_at: F | Subquery, now: datetime) -> Combinable:
    overdue = ExpressionWrapper(Value(now) - due_at, output_field=DurationField())
    return ExpressionWrapper(moment + overdue, output_field=DateTimeField())
