"""Moving orders on: by the clock, by staff, by carriers and agents, all by one function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.db import connection
from django.db.models import F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext

from museo.access.callers import Caller
from museo.access.problems import Problem
from notifications import log
from orders import delays, lifecycle, tracking
from orders.models import Order, OrderStep

BATCH = {"postgresql": 1000, "sqlite": 500}


class CannotAdvance(Problem):
    """The order is not before that step, or has just been moved by somebody else."""

    status = 409
    code = "cannot_advance"


@dataclass(frozen=True)
class TakenStep:
    """An order that has just been moved; `order` carries only what an event needs."""

    order: Order
    status: str
    step: int
    planned_at: datetime


def advance_due(*, now: datetime, is_time_left: Callable[[], bool] = lambda: True) -> int:
    """Move every order whose next step is due, step by step; return the number of steps.

    An order that missed several steps takes them in order. Cost grows with the due orders. Any
    number of these may run at once: each order's step is taken once.
    """
    steps = 0
    while taken := _advance(Order.objects.due(now).order_by("next_step_at", "pk"), now=now):
        steps += taken
        if not is_time_left():
            break
    return steps


def advance(caller: Caller, number: str, *, to: str, now: datetime) -> Order:
    """Move one order to its next status, which must be `to`; for staff who may change orders.

    What is still to come moves back by as much as this step is overdue.
    """
    order = tracking.find_for_staff(caller, number)
    _check_next(order, to)
    here = Order.objects.filter(pk=order.pk, status=order.status, step=order.step, held_at=None)
    with log.change():
        tracking.hold_row(order)
        if order.next_step_at and order.next_step_at < now:
            delays.move(order, now - order.next_step_at, now=now)
        if not _advance(here, now=now):
            raise CannotAdvance(gettext("Somebody else has just moved this order. Look again."))
    order.refresh_from_db()
    return order


def _check_next(order: Order, to: str) -> None:
    """Raise CannotAdvance unless `to` is what follows."""
    statuses = list(order.steps.order_by("index").values_list("status", flat=True))
    following = lifecycle.next_status(order.step, statuses)
    if following is None or order.status in lifecycle.ENDED:
        raise CannotAdvance(gettext("This order has ended. There is no further step."))
    if order.held_at:
        raise CannotAdvance(gettext("This order is on hold. Let it go on first."))
    if to != following:
        raise CannotAdvance(
            gettext("The next step of this order is %(step)s.") % {"step": following},
            next_status=following,
        )


def _advance(orders: QuerySet[Order], *, now: datetime) -> int:
    """Take one step with each of `orders`, a batch at most; return how many moved."""
    take = _take_at_once if connection.vendor == "postgresql" else _take_by_status
    with log.change() as change:
        taken = take(orders[: BATCH[connection.vendor]], now)
        for step in sorted(taken, key=lambda step: (step.planned_at, step.order.number)):
            tracking.tell(
                change,
                step.order,
                status=step.status,
                step=step.step,
                now=now,
                planned_at=step.planned_at,
            )
    return len(taken)


# What a statement locks it reads as it is now, all else as it was when the statement began. So the
# step to take comes from `due`, and the one that follows is locked: its time may just have moved.
TAKE_AT_ONCE = """
WITH due AS ({due}),
taken AS (
    UPDATE orders_orderstep s SET at = %s
    FROM due
    WHERE s.order_id = due.id AND s.index = due.step + 1
    RETURNING s.order_id, s.index, s.status, s.due_at
),
following AS (
    SELECT n.order_id, n.due_at, n.waits
    FROM due JOIN orders_orderstep n ON n.order_id = due.id AND n.index = due.step + 2
    FOR SHARE OF n
)
UPDATE orders_order o SET
    status = t.status,
    step = t.index,
    next_step_at = f.due_at,
    waits = COALESCE(f.waits, FALSE),
    ended_at = CASE WHEN t.status = ANY(%s) THEN %s ELSE o.ended_at END
FROM taken t
LEFT JOIN following f ON f.order_id = t.order_id
WHERE o.id = t.order_id
RETURNING o.number, o.user_id, o.eta, o.late_at, o.steps_total, t.status, t.index, t.due_at
"""


def _take_at_once(due: QuerySet[Order], now: datetime) -> list[TakenStep]:
    """One statement; orders that another tick holds are left to it."""
    claimed = due.select_for_update(skip_locked=True).values("id", "step")
    sql, params = claimed.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(TAKE_AT_ONCE.format(due=sql), [*params, now, list(lifecycle.ENDED), now])
        return [
            TakenStep(
                Order(number=number, user_id=user_id, eta=eta, late_at=late_at, steps_total=steps),
                status,
                index,
                due_at,
            )
            for number, user_id, eta, late_at, steps, status, index, due_at in cursor.fetchall()
        ]


class StepTakenTwice(RuntimeError):
    """An order moved under the write lock: nothing of this batch may be kept."""


def _take_by_status(due: QuerySet[Order], now: datetime) -> list[TakenStep]:
    """One UPDATE for each status, under SQLite's one write lock."""
    ids = list(due.values_list("pk", flat=True))
    following = OrderStep.objects.filter(order_id__in=ids, index=F("order__step") + 1)
    steps = list(following.select_related("order"))
    by_move = sorted(steps, key=lambda step: (step.order.status, step.status, step.index))
    for (before, status, index), group in groupby(
        by_move, key=lambda step: (step.order.status, step.status, step.index)
    ):
        orders = [step.order_id for step in group]
        _move(orders, before=before, status=status, index=index, now=now)
    OrderStep.objects.filter(pk__in=[step.pk for step in steps]).update(at=now)
    return [TakenStep(step.order, step.status, step.index, step.due_at) for step in steps]


def _move(orders: list[int], *, before: str, status: str, index: int, now: datetime) -> None:
    following = OrderStep.objects.filter(order=OuterRef("pk"), index=index + 1)
    moved = Order.objects.filter(pk__in=orders, status=before, step=index - 1).update(
        status=status,
        step=index,
        next_step_at=Subquery(following.values("due_at")),
        waits=Coalesce(Subquery(following.values("waits")), Value(value=False)),
        ended_at=now if status in lifecycle.ENDED else None,
    )
    if moved != len(orders):
        raise StepTakenTwice(f"{moved} of {len(orders)} orders moved to {status}")
