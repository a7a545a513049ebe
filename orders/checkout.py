"""From a basket to an order: reserve, charge, place.

Three steps, each whole: the first transaction copies the basket's lines, reserves the stock and
writes the payment; the provider is asked outside of any transaction; the last one writes the order
or gives everything back. A process that dies in between leaves a checkout `complete_in_progress`,
which the same Idempotency-Key takes up, or whose deadline releases the stock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.utils.translation import gettext as _

from catalog import stock
from museo.access.callers import Caller
from museo.access.idempotency import Answer, Attempt, claim
from museo.access.problems import NotFound, Problem, field_error
from museo.access.tokens import digest, new_token
from notifications import log
from orders import baskets, lifecycle, plans, pricing, tracking
from orders.details import Details
from orders.models import (
    Checkout,
    Order,
    OrderLine,
    OrderStep,
    OrderTicket,
    Payment,
)
from orders.payments import PROVIDERS, events
from orders.payments.charges import Charge, ChargeRequest, Outcome
from orders.tracking import Placed

# how long stock is kept for somebody who is paying
HOLD = timedelta(minutes=15)


class BasketEmpty(Problem):
    status = 409
    code = "basket_empty"


class TotalChanged(Problem):
    """The customer agreed to another sum than is due now."""

    status = 409
    code = "total_changed"


class CheckoutInProgress(Problem):
    """Another checkout of the same basket is being paid for at this moment."""

    status = 409
    code = "checkout_in_progress"


class PaymentDeclined(Problem):
    status = 409
    code = "payment_declined"


class PaymentActionRequired(Problem):
    """The customer must confirm at `next_action` first."""

    status = 409
    code = "payment_action_required"


class UnknownPayment(NotFound):
    code = "unknown_payment"


def place(
    caller: Caller,
    details: Details,
    *,
    now: datetime,
    speed: float,
    attempt: Attempt | None = None,
) -> Placed:
    """Buy what is in the caller's basket, in one go.

    Raises BasketEmpty, OutOfStock, NotForSale, PaymentDeclined, PaymentActionRequired.
    `attempt` is the claimed Idempotency-Key; its answer is written with the outcome.
    """
    payment = _begun(attempt) or _begin(caller, details, now=now, attempt=attempt)
    request = ChargeRequest(
        reference=payment.public_id,
        amount=payment.amount,
        currency=payment.currency,
        token=details.payment_token,
    )
    charge = PROVIDERS[payment.provider].charge(request)
    return _conclude(payment, charge, now=now, speed=speed, attempt=attempt)


def place_once(
    caller: Caller, body: Mapping[str, Any], *, key: str, now: datetime, speed: float
) -> Answer:
    """`place` under an Idempotency-Key: the same key and body get the same answer again.

    `body` is CONTRACT's checkout body. A refusal that changed nothing frees the key.
    """
    details = Details.parse(body)
    claimed = claim(scope=f"{caller.identity} checkout", key=key, body=body, now=now)
    if isinstance(claimed, Answer):
        return claimed
    try:
        placed = place(caller, details, now=now, speed=speed, attempt=claimed)
    except Problem:
        claimed.forget()
        raise
    return Answer(201, tracking.confirmation(placed, locale=caller.locale))


def finish_payment(payment_id: str, *, approved: bool, now: datetime, speed: float) -> Placed:
    """What the customer answered to a payment that asked; raise PaymentDeclined for a no."""
    payment = waiting_payment(payment_id)
    charge = Charge(
        outcome=Outcome.CAPTURED if approved else Outcome.DECLINED,
        provider_reference=payment.provider_reference,
        error_code="" if approved else "refused_by_customer",
    )
    return _conclude(payment, charge, now=now, speed=speed, attempt=None)


def waiting_payment(payment_id: str) -> Payment:
    """A payment that waits for its customer; raise UnknownPayment."""
    waiting = Payment.objects.filter(
        public_id=payment_id, state=Payment.State.REQUIRES_ACTION, provider="demo"
    )
    payment = waiting.select_related("checkout").first()
    if payment is None:
        raise UnknownPayment(_("This payment is finished or was never begun. Look at your orders."))
    return payment


def release_expired(*, now: datetime) -> int:
    """Give back the stock of checkouts whose deadline has passed; return how many there were."""
    expired = Checkout.objects.filter(
        state__in=[
            Checkout.State.COMPLETE_IN_PROGRESS,
            Checkout.State.REQUIRES_ESCALATION,
        ],
        expires_at__lte=now,
    )
    return sum(_cancel(checkout, now=now) for checkout in expired.order_by("pk")[:200])


# the first transaction


def _begun(attempt: Attempt | None) -> Payment | None:
    """The payment that an earlier try of the same key left in the middle."""
    if attempt is None or not attempt.subject:
        return None
    return Payment.objects.filter(
        checkout__public_id=attempt.subject,
        checkout__state=Checkout.State.COMPLETE_IN_PROGRESS,
        state=Payment.State.CREATED,
    ).first()


def _begin(caller: Caller, details: Details, *, now: datetime, attempt: Attempt | None) -> Payment:
    for waiting in _waiting_checkouts(caller):
        _cancel(waiting, now=now)
    try:
        with log.change():
            return _reserve_and_write(caller, details, now=now, attempt=attempt)
    except IntegrityError as error:
        if "one_checkout_in_progress_per_basket" in str(error) or "basket_id" in str(error):
            raise CheckoutInProgress(
                _("This basket is being paid for at this moment. Wait for its answer."),
                retry_after=1,
            ) from error
        raise


def _waiting_checkouts(caller: Caller) -> list[Checkout]:
    """Earlier tries with the same basket that still wait for the customer."""
    opened = baskets.find(caller)
    if opened is None:
        return []
    return list(opened.basket.checkouts.filter(state=Checkout.State.REQUIRES_ESCALATION))


def _reserve_and_write(
    caller: Caller, details: Details, *, now: datetime, attempt: Attempt | None
) -> Payment:
    if attempt:
        attempt.hold()
    opened = baskets.hold(caller)
    lines = pricing.price_lines(
        opened.basket.lines.order_by("pk") if opened else [],
        locale=caller.locale,
        now=now,
    )
    if opened is None or not lines:
        raise BasketEmpty(_("Your basket is empty. Put something in first."))
    pricing.require_for_sale(lines)
    totals = pricing.totals(lines, delivery=details.delivery)
    total = totals[-1]["amount"]
    if details.expected_total not in (None, total):
        raise TotalChanged(_("The sum has changed. Look at it again and pay if you agree."))
    checkout = Checkout.objects.create(
        basket=opened.basket,
        state=Checkout.State.COMPLETE_IN_PROGRESS,
        user_id=caller.user_id,
        email=details.email,
        name=details.name,
        address=dict(details.address),
        delivery=details.delivery,
        locale=caller.locale,
        sales_channel=caller.sales_channel,
        currency=opened.basket.currency,
        lines=[line.as_dict() for line in lines],
        totals=totals,
        total=total,
        created_at=now,
        expires_at=now + HOLD,
    )
    payment = Payment.objects.create(
        checkout=checkout,
        provider=details.payment_provider,
        amount=checkout.total,
        currency=checkout.currency,
        created_at=now,
    )
    stock.reserve(
        holder=checkout.public_id,
        wanted={line.variant_id: line.quantity for line in lines},
        expires_at=checkout.expires_at,
    )
    if attempt:
        attempt.begin(checkout.public_id)
    return payment


# the last transaction


def _conclude(
    payment: Payment,
    charge: Charge,
    *,
    now: datetime,
    speed: float,
    attempt: Attempt | None,
) -> Placed:
    if charge.outcome is Outcome.CAPTURED:
        return _complete(payment, charge, now=now, speed=speed, attempt=attempt)
    problem = (
        _refuse(payment, charge, now=now, attempt=attempt)
        if charge.outcome is Outcome.DECLINED
        else _escalate(payment, charge, now=now, attempt=attempt)
    )
    raise problem


def _complete(
    payment: Payment,
    charge: Charge,
    *,
    now: datetime,
    speed: float,
    attempt: Attempt | None,
) -> Placed:
    with log.change() as change:
        if attempt:
            attempt.hold()
        checkout = _leave(payment, Checkout.State.COMPLETED)
        plan = checkout.delivery
        promise = plans.promise(plan, now=now, speed=speed)
        due = promise.due
        order = Order.objects.create(
            checkout=checkout,
            user_id=checkout.user_id,
            email=checkout.email,
            name=checkout.name,
            address=checkout.address,
            delivery=checkout.delivery,
            payment_status=Order.PaymentStatus.PAID,
            plan=plan,
            steps_total=len(due),
            next_step_at=due[0].due_at,
            waits=due[0].waits,
            promised_at=promise.promised_at,
            eta=promise.promised_at,
            slot=promise.slot,
            placed_at=now,
            currency=checkout.currency,
            total=checkout.total,
            totals=checkout.totals,
            locale=checkout.locale,
            sales_channel=checkout.sales_channel,
        )
        _write_lines(order, checkout.lines)
        OrderStep.objects.bulk_create(OrderStep(order=order, **asdict(step)) for step in due)
        ticket = new_token()
        OrderTicket.objects.create(order=order, token_hash=digest(ticket), created_at=now)
        Payment.objects.filter(pk=payment.pk).update(
            state=Payment.State.CAPTURED,
            order=order,
            provider_reference=charge.provider_reference,
        )
        stock.commit(holder=checkout.public_id, reference=order.number, at=now)
        placed = Placed(order, ticket, due)
        if attempt:
            attempt.answer(201, tracking.confirmation(placed, locale=checkout.locale))
        tracking.tell(change, order, status=lifecycle.PLACED, step=0, now=now)
        events.tell(change, payment, "payment.captured", order=order, now=now)
    return placed


def _write_lines(order: Order, lines: list[dict[str, Any]]) -> None:
    baskets.take_out(order.checkout.basket_id, lines)
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            position=position,
            variant_id=line["variant_id"],
            sku=line["sku"],
            name=line["name"],
            image=line["image"],
            quantity=line["quantity"],
            unit_price=line["unit_price"],
            total=line["total"],
        )
        for position, line in enumerate(lines, 1)
    )


def _refuse(
    payment: Payment, charge: Charge, *, now: datetime, attempt: Attempt | None
) -> PaymentDeclined:
    problem = PaymentDeclined(
        _("The payment was declined and nothing was taken. Try another way to pay."),
        errors=[field_error("/payment", charge.error_code, _("Declined by the provider."))],
    )
    with log.change() as change:
        if attempt:
            attempt.hold()
        checkout = _leave(payment, Checkout.State.READY_FOR_COMPLETE)
        Payment.objects.filter(pk=payment.pk).update(
            state=Payment.State.FAILED, error_code=charge.error_code
        )
        stock.release(holder=checkout.public_id)
        if attempt:
            attempt.answer(problem.status, problem.body())
        events.tell(change, payment, "payment.failed", order=None, now=now)
    return problem


def _escalate(
    payment: Payment, charge: Charge, *, now: datetime, attempt: Attempt | None
) -> PaymentActionRequired:
    action = {"type": "redirect", "url": f"{settings.MUSEO_PUBLIC_URL}{charge.action_url}"}
    problem = PaymentActionRequired(
        _("The payment must be confirmed first. Open the address in next_action."),
        payment_id=payment.public_id,
        next_action=action,
    )
    with log.change() as change:
        if attempt:
            attempt.hold()
        _leave(payment, Checkout.State.REQUIRES_ESCALATION)
        Payment.objects.filter(pk=payment.pk).update(
            state=Payment.State.REQUIRES_ACTION,
            provider_reference=charge.provider_reference,
            next_action=action,
        )
        if attempt:
            attempt.answer(problem.status, problem.body())
        events.tell(change, payment, "payment.requires_action", order=None, now=now)
    return problem


def _cancel(checkout: Checkout, *, now: datetime) -> bool:
    """Give up a checkout that is not completed; False if somebody else ended it first."""
    with log.change():
        baskets.lock(checkout.basket_id)
        moved = Checkout.objects.filter(pk=checkout.pk, state=checkout.state).update(
            state=Checkout.State.CANCELED
        )
        if moved:
            checkout.payments.filter(
                state__in=[Payment.State.CREATED, Payment.State.REQUIRES_ACTION]
            ).update(state=Payment.State.CANCELLED)
            stock.release(holder=checkout.public_id)
    return bool(moved)


def _leave(payment: Payment, state: Checkout.State) -> Checkout:
    """Move the payment's checkout on, once; raise if it has ended meanwhile."""
    checkout = payment.checkout
    # whoever pays for the same basket at this moment waits, and then sees what is left in it
    baskets.lock(checkout.basket_id)
    under_way = Checkout.objects.filter(
        pk=checkout.pk,
        state__in=[
            Checkout.State.COMPLETE_IN_PROGRESS,
            Checkout.State.REQUIRES_ESCALATION,
        ],
    )
    if not under_way.update(state=state):
        raise CheckoutInProgress(
            _("This checkout has ended already. Look at your orders, or begin again.")
        )
    return checkout
