"""What becomes of a payment, whenever its provider or its customer says so: each way once.

The order is written, or all that was held is given back. Money that comes after the deadline still
gets its order while there is stock, and goes back otherwise.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.utils.translation import gettext as _

from catalog import stock
from museo.access.idempotency import Attempt
from museo.access.problems import NotFound, Problem, field_error
from notifications import log
from orders import adjustments, baskets, buyers, coupons, holds, lifecycle, placing, tracking
from orders.coupons import CouponRefused
from orders.holds import CheckoutInProgress
from orders.models import Checkout, Order, Payment, PaymentLink, Refund
from orders.payments import events
from orders.payments.charges import Charge, Outcome
from orders.tracking import Placed

# a payment that has not ended by then was left by a process that died, or by its customer
LOOK_AFTER = timedelta(minutes=2)
# the money is here: nothing else that is said counts
SETTLED = (Payment.State.CAPTURED, Payment.State.SURPLUS)
UNDER_WAY = (Checkout.State.COMPLETE_IN_PROGRESS, Checkout.State.REQUIRES_ESCALATION)


class PaymentDeclined(Problem):
    status = 409
    code = "payment_declined"


class PaymentActionRequired(Problem):
    """The customer must confirm at `next_action` first."""

    status = 409
    code = "payment_action_required"


class PaymentPending(Problem):
    """The money is on its way; the order is placed when it is here."""

    status = 409
    code = "payment_pending"


class PaymentTooLate(Problem):
    """The money came when there was nothing left to pay for; it goes back."""

    status = 409
    code = "payment_too_late"


class NothingOwed(Problem):
    """The order is paid or has ended, or its payment is not one that staff receive."""

    status = 409
    code = "nothing_owed"


class UnknownPayment(NotFound):
    code = "unknown_payment"


def finish_payment(payment_id: str, *, approved: bool, now: datetime, speed: float) -> Placed:
    """What the customer answered to a payment that asked; raise PaymentDeclined for a no."""
    payment = waiting_payment(payment_id)
    charge = Charge(
        outcome=Outcome.CAPTURED if approved else Outcome.DECLINED,
        provider_reference=payment.provider_reference,
        error_code="" if approved else "refused_by_customer",
    )
    return conclude(payment, charge, now=now, speed=speed)


def waiting_payment(payment_id: str) -> Payment:
    """A payment that waits for its customer; raise UnknownPayment."""
    waiting = Payment.objects.filter(
        public_id=payment_id, state=Payment.State.REQUIRES_ACTION, provider="demo"
    )
    payment = waiting.select_related("checkout").first()
    if payment is None:
        raise UnknownPayment(_("This payment is finished or was never begun. Look at your orders."))
    return payment


def conclude(
    payment: Payment,
    charge: Charge,
    *,
    now: datetime,
    speed: float,
    attempt: Attempt | None = None,
) -> Placed:
    """Write what the provider said, whenever it says so; again is harmless.

    Raises what its customer should know: PaymentDeclined, PaymentActionRequired, PaymentPending,
    PaymentTooLate.
    """
    said = write(payment, charge, now=now, speed=speed, attempt=attempt)
    if isinstance(said, Problem):
        raise said
    return said


def write(
    payment: Payment,
    charge: Charge,
    *,
    now: datetime,
    speed: float,
    attempt: Attempt | None = None,
) -> Placed | Problem:
    """`conclude` that returns what there is to say, so that it can be a part of a larger change."""
    said: Placed | Problem
    with log.change() as change:
        if attempt:
            attempt.hold()
        if charge.outcome in (Outcome.CAPTURED, Outcome.OWED):
            said = _complete(change, payment, charge, now=now, speed=speed)
        elif charge.outcome is Outcome.DECLINED:
            said = _refuse(change, payment, charge, now=now)
        else:
            said = _escalate(change, payment, charge, now=now)
        if attempt:
            attempt.answer(*as_answer(said))
    return said


def as_answer(said: Placed | Problem) -> tuple[int, dict[str, Any]]:
    """Status and body, as an idempotency key keeps them."""
    if isinstance(said, Problem):
        return said.status, said.body()
    return 201, tracking.confirmation(said, locale=said.order.locale)


def _complete(
    change: log.Change, payment: Payment, charge: Charge, *, now: datetime, speed: float
) -> Placed | PaymentTooLate:
    # whoever pays for the same basket at this moment waits, and then sees what is left in it
    _hold_basket(payment)
    if _leave(payment, Checkout.State.COMPLETED):
        return _complete_order(change, payment, charge, now=now, speed=speed)
    return _complete_late(change, payment, charge, now=now, speed=speed)


def _hold_basket(payment: Payment) -> None:
    """Lock the basket that is paid for; a guest's has become the user's if they signed in."""
    checkout, before = payment.checkout, None
    while checkout.basket_id != before and not baskets.lock(checkout.basket_id):
        before = checkout.basket_id
        checkout.refresh_from_db()


def _leave(payment: Payment, state: Checkout.State) -> bool:
    """Move the payment's checkout on, once; False if it or the payment has ended meanwhile."""
    is_open = Payment.objects.filter(pk=payment.pk, checkout=OuterRef("pk"), state__in=Payment.OPEN)
    under_way = Checkout.objects.filter(
        Exists(is_open), pk=payment.checkout_id, state__in=UNDER_WAY
    )
    return bool(under_way.update(state=state))


def _complete_late(
    change: log.Change, payment: Payment, charge: Charge, *, now: datetime, speed: float
) -> Placed | PaymentTooLate:
    """Money for something that has ended, or been ordered, before."""
    checkout = _hold(payment)
    is_owed_still = payment.state == Payment.State.OWED and charge.outcome is Outcome.OWED
    if payment.state in SETTLED or is_owed_still:
        return _said_before(payment, now=now)
    if charge.outcome is Outcome.CAPTURED and checkout.state == Checkout.State.COMPLETED:
        return _pay(change, checkout.order, payment, charge, now=now)
    if is_wanted(payment) and _take_again(checkout, now=now):
        Checkout.objects.filter(pk=checkout.pk).update(state=Checkout.State.COMPLETED)
        return _complete_order(change, payment, charge, now=now, speed=speed)
    if charge.outcome is Outcome.OWED:
        raise _ended()
    return _send_back(change, payment, charge, now=now)


def _ended() -> CheckoutInProgress:
    return CheckoutInProgress(
        _("This checkout has ended already. Look at your orders, or begin again.")
    )


def _hold(payment: Payment) -> Checkout:
    """Lock the payment's checkout until the transaction ends, and read both as they are now."""
    Checkout.objects.filter(pk=payment.checkout_id).update(state=F("state"))
    payment.refresh_from_db()
    return payment.checkout


def _said_before(payment: Payment, *, now: datetime) -> Placed | PaymentTooLate:
    order = payment.order
    if order is None:
        return _too_late()
    due = [
        lifecycle.DueStep(step.index, step.status, step.due_at, step.waits)
        for step in order.steps.order_by("index")
    ]
    return Placed(order, placing.open_order(order, now=now), due)


def is_wanted(payment: Payment) -> bool:
    """Whether its customer has not paid, or begun to, in another way since."""
    since = Checkout.objects.filter(
        basket_id=payment.checkout.basket_id,
        pk__gt=payment.checkout_id,
        state__in=[*UNDER_WAY, Checkout.State.COMPLETED],
    )
    others = payment.checkout.payments.exclude(pk=payment.pk).filter(state__in=Payment.OPEN)
    by_link = Payment.objects.filter(link=payment.link_id, state=Payment.State.CAPTURED)
    return not (
        since.exists() or others.exists() or (payment.link_id is not None and by_link.exists())
    )


def _take_again(checkout: Checkout, *, now: datetime) -> bool:
    """Hold once more what was given back; False if it is gone."""
    if not stock.knows(line["variant_id"] for line in checkout.lines):
        return False
    checkout.expires_at = now + holds.HOLD
    try:
        with transaction.atomic():
            coupons.give_back([checkout.pk])
            holds.take_coupon(checkout, now=now)
            holds.reserve(checkout, instead_of=[checkout.public_id])
    except (stock.OutOfStock, CouponRefused):
        return False
    return True


def _complete_order(
    change: log.Change, payment: Payment, charge: Charge, *, now: datetime, speed: float
) -> Placed:
    """Write the order of a checkout that was just completed."""
    checkout = payment.checkout
    placed = placing.write_order(checkout, charge, now=now, speed=speed)
    baskets.take_out(checkout.basket_id, checkout.lines)
    _write_outcome(payment, charge, order=placed.order)
    placing.use_coupon(checkout)
    placing.tell(change, payment, charge, placed.order, now=now)
    stock.commit(holder=checkout.public_id, reference=placed.order.number, at=now)
    return placed


def _write_outcome(payment: Payment, charge: Charge, *, order: Order | None) -> None:
    """That the money is here, or owed, for an order; or, for None, that there is none for it."""
    Payment.objects.filter(pk=payment.pk).update(
        state=placing.state_of(charge) if order else Payment.State.SURPLUS,
        order=order,
        provider_reference=charge.provider_reference,
        error_code="",
        look_at=None,
    )
    if order and payment.link_id:
        PaymentLink.objects.filter(pk=payment.link_id).update(state=PaymentLink.State.PAID)


def _pay(
    change: log.Change, order: Order, payment: Payment, charge: Charge, *, now: datetime
) -> Placed | PaymentTooLate:
    """Money for an order that was placed before it: by a link, or by hand."""
    status = Order.PaymentStatus
    tracking.hold_row(order)
    # what is owed may have been less since it was read
    payment.refresh_from_db()
    waived = adjustments.too_much(order, payment)
    unpaid = Order.objects.filter(
        pk=order.pk, payment_status__in=[status.UNPAID, status.PENDING, status.FAILED]
    ).exclude(status__in=lifecycle.BY_STAFF)
    if not unpaid.update(
        payment_status=status.PAID,
        paid=payment.amount,
        waived=F("waived") - sum(each.amount for each in waived),
    ):
        if payment.state == Payment.State.OWED:
            raise NothingOwed(
                _("The delivery of this order failed. Try it again before you receive its money.")
            )
        return _send_back(change, payment, charge, now=now)
    adjustments.ask_no_more(order, but=payment, now=now)
    _write_outcome(payment, charge, order=order)
    order.refresh_from_db()
    events.tell(change, payment, "payment.captured", order=order, now=now)
    adjustments.pay_back_instead(change, order, payment, waived, now=now)
    return Placed(order, "")


def _send_back(
    change: log.Change, payment: Payment, charge: Charge, *, now: datetime
) -> PaymentTooLate:
    """Keep no money that has no order."""
    _write_outcome(payment, charge, order=None)
    payment.provider_reference = charge.provider_reference
    if payment.amount:
        refund = Refund.objects.create(
            payment=payment,
            amount=payment.amount,
            requested_at=now,
            ask_at=now + adjustments.LEFT_AFTER,
        )
        change.afterwards(partial(adjustments.settle, refund, now=now))
        buyers.subscribe_to_money(payment, now=now)
    events.tell(change, payment, "payment.surplus", order=None, now=now)
    return _too_late()


def _too_late() -> PaymentTooLate:
    return PaymentTooLate(
        _("Your payment came too late: what you chose is gone. All of it goes back to you.")
    )


def _refuse(
    change: log.Change, payment: Payment, charge: Charge, *, now: datetime
) -> Placed | Problem:
    checkout = payment.checkout
    baskets.lock(checkout.basket_id)
    if _leave(payment, Checkout.State.READY_FOR_COMPLETE):
        coupons.give_back([checkout.pk])
        stock.release(holder=checkout.public_id, at=now)
    failed = Payment.objects.filter(pk=payment.pk, state__in=Payment.OPEN).update(
        state=Payment.State.FAILED, error_code=charge.error_code, look_at=None
    )
    if failed:
        events.tell(change, payment, "payment.failed", order=None, now=now)
    elif _hold(payment) and payment.state in SETTLED:
        return _said_before(payment, now=now)
    return declined(charge.error_code)


def declined(error_code: str = "declined") -> PaymentDeclined:
    return PaymentDeclined(
        _("The payment was declined and nothing was taken. Try another way to pay."),
        errors=[field_error("/payment", error_code, _("Declined by the provider."))],
    )


def _escalate(
    change: log.Change, payment: Payment, charge: Charge, *, now: datetime
) -> Placed | Problem:
    is_pending = charge.outcome is Outcome.PENDING
    action = _next_action(payment, charge)
    baskets.lock(payment.checkout.basket_id)
    checkout = _hold(payment)
    if payment.state in SETTLED:
        return _said_before(payment, now=now)
    waits_for = Payment.State.PENDING if is_pending else Payment.State.REQUIRES_ACTION
    earlier = [Payment.State.CREATED, *([Payment.State.REQUIRES_ACTION] if is_pending else [])]
    moved = Payment.objects.filter(pk=payment.pk, state__in=earlier).update(
        state=waits_for,
        provider_reference=charge.provider_reference,
        next_action=action,
        look_at=now + LOOK_AFTER,
    )
    if moved:
        if not is_pending and checkout.state == Checkout.State.COMPLETE_IN_PROGRESS:
            _leave(payment, Checkout.State.REQUIRES_ESCALATION)
        events.tell(change, payment, f"payment.{waits_for}", order=None, now=now)
    elif payment.state in (Payment.State.FAILED, Payment.State.CANCELLED):
        raise _ended()
    if is_pending:
        return PaymentPending(
            _("Your payment is on its way. The order is placed as soon as it is here."),
            payment_id=payment.public_id,
            next_action=action,
        )
    return PaymentActionRequired(
        _("The payment must be confirmed first. Open the address in next_action."),
        payment_id=payment.public_id,
        next_action=action,
    )


def _next_action(payment: Payment, charge: Charge) -> dict[str, str]:
    ours = f"{settings.MUSEO_PUBLIC_URL}/pay/{payment.public_id}"
    if charge.outcome is Outcome.PENDING:
        return {"type": "wait", "url": ours}
    is_path = charge.action_url.startswith("/")
    return {"type": "redirect", "url": ours if is_path else charge.action_url}
