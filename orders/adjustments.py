"""What changes about an order after it was placed: it is cancelled, or money goes back for it.

For an order that is owed still, less is asked for in place of money that goes back (`waived`).

What is decided and what moves money are apart. One transaction writes the adjustment, puts goods
back and asks for the refund; the provider is told outside of any transaction; a last one writes
what it answered. A process that dies in between leaves a refund `requested`, which the clock takes
up under the same reference.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from catalog import stock
from museo.access.callers import Caller
from museo.access.idempotency import Answer, Attempt, once
from museo.access.permissions import may
from museo.access.problems import Invalid, Problem, field_error
from notifications import log
from orders import coupons, lifecycle, slots, tracking
from orders.models import Adjustment, Order, OrderLine, Payment, PaymentLink, Refund
from orders.payments import PROVIDERS, events
from orders.payments.charges import PaidBack, ProviderUnreachable, RefundRequest

logger = logging.getLogger(__name__)

# a refund that was asked for so long ago was left by a process that died
LEFT_AFTER = timedelta(minutes=1)
# how long until a provider that refused to send surplus money back is asked anew; doubled each time
AGAIN_AFTER = timedelta(minutes=30)
MOST_DOUBLED, MOST_TRIES = 7, 10
# how often a provider is asked about money that is on its way back
ASK_EVERY = timedelta(minutes=10)
# units of each line, by its position
Units = Mapping[int, int]


class TooLateToCancel(Problem):
    """The order has gone too far, or has ended."""

    status = 409
    code = "too_late_to_cancel"


class RefundTooLarge(Problem):
    """More than is left of what was paid, or is owed; `left` in minor units."""

    status = 409
    code = "refund_too_large"


def cancellable(caller: Caller, number: str) -> Order:
    """The order, if it is cancelled or the caller could do that now; raise TooLateToCancel."""
    order = tracking.find_to_act(caller, number)
    if order.status != lifecycle.CANCELLED:
        _require(caller, order, lifecycle.CANCELLED)
    return order


def cancel(caller: Caller, number: str, *, reason: str = "", now: datetime) -> Order:
    """Cancel an order that the caller may act on, and send its money back; again is harmless.

    Customers can until it is being prepared, staff until it is delivered: else TooLateToCancel.
    While the goods are still here they are put back, and its coupon can be used again.
    """
    order = cancellable(caller, number)
    with log.change() as change:
        tracking.hold_row(order)
        if order.status == lifecycle.CANCELLED:
            return order
        was = _end(caller, order, lifecycle.CANCELLED, now=now)
        slots.leave(order)
        ask_no_more(order, now=now)
        units = _units_left(order)
        adjustment = _give_back(
            change,
            caller,
            order,
            Adjustment.Kind.CANCELLATION,
            payment=_payment(order),
            amount=left(order),
            units=units,
            reason=reason,
            now=now,
        )
        if was in lifecycle.STILL_HERE:
            coupons.give_back([order.checkout_id])
            _put_back(order, units, now=now)
        tracking.tell(change, order, status=order.status, step=order.step, now=now)
        change.afterwards(partial(_settle_of, adjustment, now=now))
    order.refresh_from_db()
    return order


def refund(
    caller: Caller,
    number: str,
    *,
    amount: int | None = None,
    units: Units | None = None,
    reason: str = "",
    puts_back: bool = False,
    now: datetime,
    attempt: Attempt | None = None,
) -> Adjustment:
    """Send money back for an order, or ask for less if it is owed, for staff who may change orders.

    For these units of its lines, or an amount in minor units, or all that is left. A delivered
    order of which nothing is left is then `refunded`. With `puts_back` those units can be sold
    again, for all that is left all of them. Raises RefundTooLarge, and Invalid for lines beside an
    amount, or an amount for goods that nobody has named. `attempt` is the claimed Idempotency-Key;
    its answer is `tracking.adjustment`.
    """
    _require_one_wish(amount, units, puts_back=puts_back)
    order = tracking.find_for_staff(caller, number)
    with log.change() as change:
        if attempt:
            attempt.hold()
        tracking.hold_row(order)
        payment = _payment(order)
        worth = _worth(order, payment, amount, units)
        if not worth:
            raise RefundTooLarge(_("Nothing is left of what was paid, or is owed."), left=0)
        kind = Adjustment.Kind.RETURN if puts_back else Adjustment.Kind.REFUND
        if puts_back and units is None:
            units = _units_left(order)
        adjustment = _pay_back(
            change,
            caller,
            order,
            kind,
            payment=payment,
            amount=worth,
            units=units or {},
            reason=reason,
            puts_back=puts_back,
            now=now,
        )
        if attempt:
            attempt.answer(201, tracking.adjustment(adjustment))
    return adjustment


def _require_one_wish(amount: int | None, units: Units | None, *, puts_back: bool) -> None:
    if amount is None:
        return
    if units is not None:
        detail = _("Choose either lines or an amount.")
        raise Invalid(detail, errors=[field_error("/amount", "lines_or_amount", detail)])
    if puts_back:
        detail = _("Say how many of which lines.")
        raise Invalid(detail, errors=[field_error("/lines", "required", detail)])


def give_back_units(
    change: log.Change,
    caller: Caller,
    order: Order,
    units: Units,
    *,
    reason: str,
    puts_back: bool,
    now: datetime,
) -> Adjustment:
    """Pay for units of a locked order that have come back, as far as anything is left to pay."""
    payment = _payment(order)
    return _pay_back(
        change,
        caller,
        order,
        Adjustment.Kind.RETURN,
        payment=payment,
        amount=min(_worth(order, payment, None, units), _still_counts(order, payment)),
        units=units,
        reason=reason,
        puts_back=puts_back,
        now=now,
    )


def refund_once(
    caller: Caller,
    number: str,
    *,
    key: str,
    body: Any,
    now: datetime,
    **wanted: Any,
) -> Answer:
    """`refund` under an Idempotency-Key: the same key and body get the same answer again."""
    # by the order's own number: what names none cannot be kept, either
    number = tracking.find_for_staff(caller, number).number

    def work(attempt: Attempt) -> None:
        refund(caller, number, **wanted, now=now, attempt=attempt)

    return once(work, scope=f"{caller.identity} refund {number}", key=key, body=body, now=now)


def settle_left(*, now: datetime) -> int:
    """Take up refunds that a process left in the middle; return how many were settled."""
    left = _with_what_it_is_about(
        Refund.objects.filter(state=Refund.State.REQUESTED, ask_at__lte=now)
    )
    return sum(settle(refund, now=now) for refund in left.order_by("ask_at", "pk")[:100])


def ask_no_more(order: Order, *, but: Payment | None = None, now: datetime) -> None:
    """Give up payments of an order that are still open or owed, all `but` one; inside a change."""
    left = order.checkout.payments.filter(state__in=[*Payment.OPEN, Payment.State.OWED])
    left.exclude(pk=but.pk if but else 0).update(state=Payment.State.CANCELLED, look_at=now)
    links = order.payment_links.filter(state=PaymentLink.State.OPEN)
    links.exclude(pk=(but.link_id or 0) if but else 0).update(state=PaymentLink.State.VOID)
    unpaid = Order.objects.filter(pk=order.pk, payment_status=Order.PaymentStatus.PENDING)
    unpaid.update(payment_status=Order.PaymentStatus.UNPAID)


def too_much(order: Order, payment: Payment) -> list[Adjustment]:
    """What was waived of a locked order while its customer paid as much as it cost before."""
    waived = order.adjustments.filter(refund=None, amount__gte=1).order_by("-pk")
    since: list[Adjustment] = []
    for adjustment in waived:
        if payment.amount <= order.payable + sum(each.amount for each in since):
            break
        since.append(adjustment)
    return since


def pay_back_instead(
    change: log.Change,
    order: Order,
    payment: Payment,
    waived: Sequence[Adjustment],
    *,
    now: datetime,
) -> None:
    """Send back by a captured payment what was waived before it."""
    for adjustment in waived:
        _promise_back(order, payment, adjustment, now=now)
        change.afterwards(partial(_settle_of, adjustment, now=now))


def hear(provider: str, reference: str, answer: PaidBack, *, now: datetime) -> bool:
    """What a provider tells later of a refund; False if it is none of ours."""
    known = Refund.objects.filter(public_id=reference, payment__provider=provider)
    about = _with_what_it_is_about(known).first()
    if about is None:
        return False
    with log.change() as change:
        _write_answer(change, about, answer, now=now)
    return True


# deciding


def _end(caller: Caller, order: Order, status: str, *, now: datetime) -> str:
    """Move the locked order to an end, if it may from where it stands; return where it stood."""
    _require(caller, order, status)
    was = order.status
    Order.objects.filter(pk=order.pk).end(status, now=now)
    order.refresh_from_db()
    return was


def _require(caller: Caller, order: Order, status: str) -> None:
    is_staff = may(caller, "orders.change_order")
    moves = lifecycle.BY_STAFF if is_staff else lifecycle.BY_CUSTOMERS
    if order.status not in moves[status]:
        raise TooLateToCancel(
            _("It is too late to cancel this order: it is %(status)s.")
            % {"status": _(lifecycle.text_key(order.status, "label")).lower()},
            order_status=order.status,
        )


def _pay_back(
    change: log.Change,
    caller: Caller,
    order: Order,
    kind: Adjustment.Kind,
    *,
    payment: Payment | None,
    amount: int,
    units: Units,
    reason: str,
    puts_back: bool,
    now: datetime,
) -> Adjustment:
    """Decide it, put the goods back, end the order if nothing is left, and move the money."""
    adjustment = _give_back(
        change,
        caller,
        order,
        kind,
        payment=payment,
        amount=amount,
        units=units,
        reason=reason,
        now=now,
    )
    if puts_back:
        _put_back(order, units, now=now)
    if order.status == lifecycle.DELIVERED and _is_all_back(order):
        _end(caller, order, lifecycle.REFUNDED, now=now)
        tracking.tell(change, order, status=order.status, step=order.step, now=now)
    change.afterwards(partial(_settle_of, adjustment, now=now))
    return adjustment


def _is_all_back(order: Order) -> bool:
    """Nothing is left of what was paid, or is owed; of what cost nothing, all of it is here."""
    if order.total:
        return order.given_back == order.payable
    return not order.lines.filter(taken_back__lt=F("quantity")).exists()


def left(order: Order) -> int:
    """What was paid and not promised back."""
    return order.paid - order.given_back


def _still_counts(order: Order, payment: Payment | None) -> int:
    """What was paid by it, or is owed, and neither promised back nor waived."""
    return order.payable - order.given_back if payment else 0


def _payment(order: Order) -> Payment | None:
    """By which it was paid, or is owed; None if nothing is asked for it."""
    states = [Payment.State.CAPTURED, Payment.State.OWED]
    return order.payments.filter(state__in=states).first()


def _units_left(order: Order) -> Units:
    return {line.position: line.left for line in order.lines.order_by("position")}


def _worth(order: Order, payment: Payment | None, amount: int | None, units: Units | None) -> int:
    if units is None:
        return _still_counts(order, payment) if amount is None else amount
    lines = {line.position: line for line in order.lines.all()}
    if unknown := set(units) - set(lines):
        detail = _("This order has no line %(line)s.") % {"line": min(unknown)}
        raise Invalid(detail, errors=[field_error("/lines", "unknown_line", detail)])
    return sum(_worth_of(lines[position], count) for position, count in units.items())


def _worth_of(line: OrderLine, count: int) -> int:
    """What was paid for these units; what rounding leaves of a line goes with its last ones."""
    paid, gone = line.paid, line.taken_back
    return paid * (gone + count) // line.quantity - paid * gone // line.quantity


def _give_back(
    change: log.Change,
    caller: Caller,
    order: Order,
    kind: Adjustment.Kind,
    *,
    payment: Payment | None,
    amount: int,
    units: Units,
    reason: str,
    now: datetime,
) -> Adjustment:
    """Write what was decided, and the refund, or what is waived, if it is worth anything."""
    _take_back(order, units)
    still = _still_counts(order, payment)
    if not 0 <= amount <= still:
        raise RefundTooLarge(
            _("That is more than is left of what was paid, or is owed. Choose a smaller amount."),
            left=still,
        )
    adjustment = Adjustment.objects.create(
        order=order,
        kind=kind,
        amount=amount,
        currency=order.currency,
        lines=[{"position": line, "quantity": count} for line, count in units.items() if count],
        reason=reason,
        by=caller.identity,
        at=now,
    )
    if amount and payment and payment.state == Payment.State.OWED:
        _waive(change, order, payment, amount, now=now)
    elif amount and payment:
        _promise_back(order, payment, adjustment, now=now)
    return adjustment


def _promise_back(order: Order, payment: Payment, adjustment: Adjustment, *, now: datetime) -> None:
    amount = adjustment.amount
    Order.objects.filter(pk=order.pk).update(given_back=F("given_back") + amount)
    order.refresh_from_db()
    Refund.objects.create(
        adjustment=adjustment,
        payment=payment,
        amount=amount,
        requested_at=now,
        ask_at=now + LEFT_AFTER,
    )


def _waive(change: log.Change, order: Order, owed: Payment, amount: int, *, now: datetime) -> None:
    """Ask for less; what is being paid at this moment is looked at when it comes (`too_much`)."""
    Order.objects.filter(pk=order.pk).update(waived=F("waived") + amount)
    order.refresh_from_db()
    events.tell_less_owed(change, owed, amount, order=order, now=now)
    if not order.payable:
        ask_no_more(order, now=now)
        return
    owed.amount = order.payable
    owed.save(update_fields=["amount"])
    links = order.payment_links.filter(state=PaymentLink.State.OPEN)
    links.update(amount=order.payable)


def _take_back(order: Order, units: Units) -> None:
    for position, count in sorted(units.items()):
        lines = OrderLine.objects.filter(order=order, position=position)
        few_enough = lines.filter(taken_back__lte=F("quantity") - F("coming_back") - count)
        if count < 0 or not few_enough.update(taken_back=F("taken_back") + count):
            raise RefundTooLarge(
                _("Line %(line)s has fewer units left than that.") % {"line": position}
            )


def _put_back(order: Order, units: Units, *, now: datetime) -> None:
    """The goods can be sold again."""
    variants = dict(order.lines.exclude(variant=None).values_list("position", "variant_id"))
    wanted: dict[int, int] = {}
    for position, count in units.items():
        if count and position in variants:
            wanted[variants[position]] = wanted.get(variants[position], 0) + count
    stock.put_back(wanted, reference=order.number, at=now)


# moving the money


def _settle_of(adjustment: Adjustment, *, now: datetime) -> None:
    for asked in _with_what_it_is_about(Refund.objects.filter(adjustment=adjustment)):
        settle(asked, now=now)


def _with_what_it_is_about(refunds: QuerySet[Refund]) -> QuerySet[Refund]:
    return refunds.select_related("payment__checkout", "adjustment__order")


def settle(refund: Refund, *, now: datetime) -> bool:
    """Tell the provider to pay back, then write what it answered.

    False if it does not know yet, or somebody else did.
    """
    payment = refund.payment
    try:
        answer = PROVIDERS[payment.provider].refund(
            RefundRequest(
                reference=refund.public_id,
                payment=payment.provider_reference,
                amount=refund.amount,
                currency=payment.currency,
                known_as=refund.provider_reference,
            )
        )
    except ProviderUnreachable:
        logger.warning("refund waits for its provider", extra={"refund": refund.public_id})
        Refund.objects.filter(pk=refund.pk).update(ask_at=now + LEFT_AFTER)
        return False
    with log.change() as change:
        return _write_answer(change, refund, answer, now=now)


def _write_answer(change: log.Change, refund: Refund, answer: PaidBack, *, now: datetime) -> bool:
    order = refund.adjustment.order if refund.adjustment else None
    if order:
        tracking.hold_row(order)
    if answer.is_pending:
        waiting = Refund.objects.filter(pk=refund.pk, state=Refund.State.REQUESTED)
        waiting.update(provider_reference=answer.provider_reference, ask_at=now + ASK_EVERY)
        return False
    if not answer.error_code:
        return _write_paid_back(change, refund, answer, order, now=now)
    return _write_failed(change, refund, answer, order, now=now)


def _write_paid_back(
    change: log.Change, refund: Refund, answer: PaidBack, order: Order | None, *, now: datetime
) -> bool:
    asked = Refund.objects.filter(pk=refund.pk, state=Refund.State.REQUESTED)
    if not asked.update(
        state=Refund.State.SUCCEEDED,
        provider_reference=answer.provider_reference,
        settled_at=now,
    ):
        return False
    _count_back(refund, order, refund.amount)
    events.tell_refunded(change, refund.payment, refund.amount, order=order, now=now)
    return True


def _write_failed(
    change: log.Change, refund: Refund, answer: PaidBack, order: Order | None, *, now: datetime
) -> bool:
    """Also what had succeeded: a bank may send money back days later."""
    for before in (Refund.State.REQUESTED, Refund.State.SUCCEEDED):
        here = Refund.objects.filter(pk=refund.pk, state=before)
        if here.update(state=Refund.State.FAILED, error_code=answer.error_code, settled_at=now):
            break
    else:
        return False
    if before == Refund.State.SUCCEEDED:
        _count_back(refund, order, -refund.amount)
    if order:
        # it may be asked for again
        Order.objects.filter(pk=order.pk).update(given_back=F("given_back") - refund.amount)
    else:
        _ask_again(refund, now=now)
    events.tell_refund_failed(change, refund.payment, refund.amount, order=order, now=now)
    return True


def _ask_again(refund: Refund, *, now: datetime) -> None:
    """Money without an order is not ours to keep: once more, each time after a longer while."""
    tries = Refund.objects.filter(payment=refund.payment_id).count()
    if tries >= MOST_TRIES:
        logger.error("surplus money stays here", extra={"payment": refund.payment.public_id})
        return
    Refund.objects.create(
        payment_id=refund.payment_id,
        amount=refund.amount,
        requested_at=now,
        ask_at=now + AGAIN_AFTER * 2 ** min(tries, MOST_DOUBLED),
    )


def _count_back(refund: Refund, order: Order | None, amount: int) -> None:
    """Add to what has gone back of the payment and of the locked order."""
    Payment.objects.filter(pk=refund.payment_id).update(refunded=F("refunded") + amount)
    if order is None:
        return
    paid_back, status = order.paid_back + amount, Order.PaymentStatus.PARTIALLY_REFUNDED
    if paid_back in (0, order.paid):
        status = Order.PaymentStatus.REFUNDED if paid_back else Order.PaymentStatus.PAID
    Order.objects.filter(pk=order.pk).update(paid_back=paid_back, payment_status=status)
