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

from museo import sql
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
    due, steps = Order.objects.due(now), 0
    # looked at outside of any transaction: mostly there is none
    while due.exists() and (taken := _advance(due.order_by("next_step_at", "pk"), now=now)):
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


# whoever moves an order's steps holds its row, so they are read as they are now
TAKE_AT_ONCE = """
WITH moves AS MATERIALIZED (
    SELECT s.order_id, s.index, s.status, s.due_at,
        f.due_at AS next_step_at, COALESCE(f.waits, FALSE) AS waits
    FROM UNNEST(%s::bigint[], %s::smallint[]) AS held (id, step)
    JOIN orders_orderstep s ON s.order_id = held.id AND s.index = held.step + 1
    LEFT JOIN orders_orderstep f ON f.order_id = held.id AND f.index = held.step + 2
),
taken AS (
    UPDATE orders_orderstep s SET at = %s
    FROM moves m
    WHERE s.order_id = m.order_id AND s.index = m.index
)
UPDATE orders_order o SET
    status = m.status,
    step = m.index,
    next_step_at = m.next_step_at,
    waits = m.waits,
    ended_at = CASE WHEN m.status = ANY(%s) THEN %s ELSE o.ended_at END
FROM moves m
WHERE o.id = m.order_id
RETURNING o.number, o.user_id, o.eta, o.late_at, o.steps_total, m.status, m.index, m.due_at
"""


def _take_at_once(due: QuerySet[Order], now: datetime) -> list[TakenStep]:
    """Hold them, then move them; orders that another tick holds are left to it."""
    claim = due.select_for_update(skip_locked=True).values("id", "step")
    held = sql.rows(*claim.query.sql_with_params())
    if not held:
        return []
    ids, steps = map(list, zip(*held, strict=True))
    moved = sql.rows(TAKE_AT_ONCE, [ids, steps, now, list(lifecycle.ENDED), now])
    return [_taken(*row) for row in moved]


def _taken(
    number: str,
    user_id: int | None,
    eta: datetime,
    late_at: datetime | None,
    total: int,
    status: str,
    index: int,
    due_at: datetime,
) -> TakenStep:
    order = sql.new(
        Order, number=number, user_id=user_id, eta=eta, late_at=late_at, steps_total=total
    )
    return TakenStep(order, status, index, due_at)


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
        raise StepTakenTwice(f"moved to {status}: {moved} of {len(orders)}")
