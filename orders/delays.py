"""An order comes at another time: staff or a carrier say so, or it was paused for a while."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext

from museo.access.callers import Caller
from museo.access.problems import Invalid, Problem, field_error
from notifications import log
from orders import lifecycle, tracking
from orders.models import Order, OrderStep

# nobody is told a time further away than this
FURTHEST = timedelta(days=366)


class CannotBeHeld(Problem):
    """It has ended, or stands as it should already."""

    status = 409
    code = "cannot_be_held"


class HasEnded(Problem):
    """Nothing is expected of the order any more."""

    status = 409
    code = "order_ended"


def revise(caller: Caller, number: str, *, eta: datetime, now: datetime) -> Order:
    """Say when an order is expected now; its steps move along. For staff who may change orders."""
    order = tracking.find_for_staff(caller, number)
    if not now < eta <= now + FURTHEST:
        detail = gettext("Choose a time to come, within a year.")
        raise Invalid(detail, errors=[field_error("/eta", "out_of_range", detail)])
    with log.change() as change:
        tracking.hold_row(order)
        if order.status in lifecycle.ENDED:
            raise HasEnded(gettext("This order has ended. There is no further step."))
        if eta != order.eta:
            move(order, eta - order.eta, now=now)
            tracking.tell_new_time(change, order, reason=lifecycle.REVISED, now=now)
    return order


def hold(caller: Caller, number: str, *, now: datetime) -> Order:
    """Let the order's clock stand still; raise CannotBeHeld if it has ended or stands already."""
    order = tracking.find_for_staff(caller, number)
    going = Order.objects.filter(pk=order.pk, held_at=None).exclude(status__in=lifecycle.ENDED)
    with log.change() as change:
        if not going.update(held_at=now, next_step_at=None):
            raise CannotBeHeld(gettext("This order has ended or is on hold already."))
        order.refresh_from_db()
        tracking.tell_new_time(change, order, reason=lifecycle.HELD, now=now)
    return order


def resume(caller: Caller, number: str, *, now: datetime) -> Order:
    """Let the order's clock go on; what is still to come is later by the pause."""
    order = tracking.find_for_staff(caller, number)
    with log.change() as change:
        tracking.hold_row(order)
        since = order.held_at
        if since is None:
            raise CannotBeHeld(gettext("This order is not on hold."))
        order.held_at = None
        Order.objects.filter(pk=order.pk).update(held_at=None)
        move(order, max(now - since, timedelta(0)), now=now)
        tracking.tell_new_time(change, order, reason=lifecycle.RESUMED, now=now)
    return order


def move(order: Order, by: timedelta, *, now: datetime) -> None:
    """What is still to come of a locked order comes later by that; or earlier, but not in the past.

    A step that is overdue stays so.
    """
    to_come = list(order.steps.filter(index__gt=order.step).order_by("index"))
    for step in to_come:
        step.due_at = max(step.due_at + by, min(step.due_at, now))
        OrderStep.objects.filter(pk=step.pk).update(due_at=step.due_at)
    order.eta += by
    is_late = lifecycle.misses_promise(eta=order.eta, promised_at=order.promised_at)
    order.late_at = (order.late_at or now) if is_late else None
    order.next_step_at = to_come[0].due_at if to_come and not order.held_at else None
    Order.objects.filter(pk=order.pk).update(
        eta=order.eta, late_at=order.late_at, next_step_at=order.next_step_at
    )
