"""Goods that come back: the customer asks, staff approve or refuse, and what is received is paid.

While a return is open its units are set apart (`OrderLine.coming_back`), so that nobody asks for
them, or gives money for them, a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db.models import F
from django.utils.translation import gettext

from museo.access.callers import Caller
from museo.access.problems import Invalid, NotFound, Problem, field_error
from museo.access.tokens import as_name
from notifications import log
from orders import adjustments, answers, tracking
from orders.models import Order, OrderLine, Return, ReturnLine

STATE = Return.State
# from where a return gets to each state
MOVES: Mapping[str, frozenset[str]] = {
    STATE.APPROVED: frozenset({STATE.REQUESTED}),
    STATE.REFUSED: frozenset({STATE.REQUESTED, STATE.APPROVED}),
    STATE.RECEIVED: frozenset({STATE.APPROVED}),
}


class CannotReturn(Problem):
    """It is not delivered, or was too long ago."""

    status = 409
    code = "cannot_return"


class TooManyUnits(Problem):
    """A line has fewer units left than were asked for."""

    status = 409
    code = "too_many_units"


class CannotDecide(Problem):
    """Somebody has decided about the return already, or something else comes first."""

    status = 409
    code = "cannot_decide"


class UnknownReturn(NotFound):
    code = "unknown_return"


def ask(
    caller: Caller,
    number: str,
    *,
    units: adjustments.Units,
    reason: str = "",
    now: datetime,
) -> Return:
    """Ask to send units of an order's lines back; raise CannotReturn or TooManyUnits."""
    order = tracking.find_to_act(caller, number)
    if not units or min(units.values()) < 1:
        detail = gettext("Say how many of which lines.")
        raise Invalid(detail, errors=[field_error("/lines", "required", detail)])
    with log.change():
        tracking.hold_row(order)
        until = tracking.return_until(order)
        if until is None or now > until:
            raise CannotReturn(gettext("Only what was delivered lately can be sent back."))
        asked = Return.objects.create(order=order, reason=reason, requested_at=now)
        for position, count in sorted(units.items()):
            _set_apart(order, position, count)
        ReturnLine.objects.bulk_create(
            ReturnLine(request=asked, position=position, quantity=count)
            for position, count in sorted(units.items())
        )
    return asked


def decide(
    caller: Caller,
    number: str,
    return_id: str,
    *,
    state: str,
    answer: str = "",
    puts_back: bool = True,
    now: datetime,
) -> Return:
    """Approve a return, refuse it, or say that the goods are here; for staff.

    What is received is paid back as it was paid, and put on the shelf again if `puts_back`.
    """
    order = tracking.find_for_staff(caller, number)
    with log.change() as change:
        tracking.hold_row(order)
        asked = _find(order, return_id)
        moved = Return.objects.filter(pk=asked.pk, state__in=MOVES.get(state, ()))
        if not moved.update(state=state, answer=answer, decided_at=now):
            raise CannotDecide(
                gettext("This return is %(state)s. It cannot become that now.")
                % {"state": asked.get_state_display().lower()},
                return_state=asked.state,
            )
        if state != STATE.APPROVED:
            units = _let_go(asked)
        if state == STATE.RECEIVED:
            adjustment = adjustments.give_back_units(
                change, caller, order, units, reason=asked.reason, puts_back=puts_back, now=now
            )
            Return.objects.filter(pk=asked.pk).update(adjustment=adjustment)
        asked.refresh_from_db()
        answers.tell(change, order, asked, now=now)
    return asked


def _find(order: Order, return_id: str) -> Return:
    found = order.returns.filter(public_id=as_name(return_id)).first()
    if found is None:
        raise UnknownReturn(gettext("This order has no such return."))
    return found


def _set_apart(order: Order, position: int, count: int) -> None:
    free = OrderLine.objects.filter(
        order=order, position=position, quantity__gte=F("taken_back") + F("coming_back") + count
    )
    if not free.update(coming_back=F("coming_back") + count):
        raise TooManyUnits(
            gettext("Line %(line)s has fewer units left than that.") % {"line": position},
            position=position,
        )


def _let_go(asked: Return) -> dict[int, int]:
    units = dict(asked.lines.order_by("position").values_list("position", "quantity"))
    for position, count in units.items():
        OrderLine.objects.filter(order=asked.order_id, position=position).update(
            coming_back=F("coming_back") - count
        )
    return units
