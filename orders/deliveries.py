"""A delivery that failed, and another try."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from django.utils.translation import gettext

from museo.access.callers import Caller
from museo.access.problems import Problem
from notifications import log
from orders import lifecycle, notes, opening, plans, slots, tracking
from orders.models import Order, OrderStep


class CannotFail(Problem):
    """It has ended already."""

    status = 409
    code = "cannot_fail"


class CannotTryAgain(Problem):
    """It has not failed, or all its money has gone back."""

    status = 409
    code = "cannot_try_again"


def fail(caller: Caller, number: str, *, reason: str = "", now: datetime) -> Order:
    """Say that an order could not be delivered; the reason is a note for staff."""
    order = tracking.find_for_staff(caller, number)
    under_way = Order.objects.filter(pk=order.pk, status__in=lifecycle.BY_STAFF[lifecycle.FAILED])
    with log.change() as change:
        if not under_way.end(lifecycle.FAILED, now=now):
            raise CannotFail(gettext("This order has ended already."))
        order.refresh_from_db()
        if reason:
            notes.write(order, reason, by=caller, now=now)
        tracking.tell(change, order, status=order.status, step=order.step, now=now)
    return order


def try_again(caller: Caller, number: str, *, now: datetime, speed: float) -> Order:
    """Begin anew with an order that failed: its plan as it is now, and a new promise."""
    order = tracking.find_for_staff(caller, number)
    with log.change() as change:
        tracking.hold_row(order)
        if order.status not in lifecycle.BY_STAFF_AGAIN:
            raise CannotTryAgain(gettext("Only an order whose delivery failed can be tried again."))
        if order.total and order.given_back == order.payable:
            raise CannotTryAgain(gettext("All that was paid for this order has gone back."))
        slots.leave(order)
        kinds = set(order.lines.values_list("variant__master__kind", flat=True))
        wait = opening.wait(kinds, now=now)
        promise = plans.promise(order.plan, now=now, speed=speed, wait=wait)
        _begin(order, promise)
        order.refresh_from_db()
        tracking.tell(change, order, status=order.status, step=order.step, now=now)
    return order


def _begin(order: Order, promise: plans.Promise) -> None:
    order.steps.all().delete()
    OrderStep.objects.bulk_create(OrderStep(order=order, **asdict(step)) for step in promise.due)
    Order.objects.filter(pk=order.pk).update(
        status=lifecycle.PLACED,
        step=0,
        steps_total=len(promise.due),
        next_step_at=promise.due[0].due_at,
        waits=promise.due[0].waits,
        promised_at=promise.promised_at,
        eta=promise.promised_at,
        slot=promise.slot,
        late_at=None,
        ended_at=None,
    )
