"""From a basket to an order: reserve, charge, place.

One path for every face: the page and `POST /orders/checkout` take it in one go (`place`), a
checkout that was begun before (`orders.checkouts`) joins it where it is paid.

Three steps, each whole: the first transaction copies the basket's lines, reserves the stock and
writes the payment; the provider is asked outside of any transaction; the last one writes the order
or gives everything back. A process that dies in between leaves a checkout `complete_in_progress`,
which the same Idempotency-Key takes up, or whose deadline releases the stock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from catalog import stock
from museo.access.callers import Caller
from museo.access.idempotency import Answer, Attempt, claim
from museo.access.problems import NotFound, Problem, field_error
from museo.access.tokens import digest, new_token
from notifications import log
from orders import baskets, coupons, holds, lifecycle, offers, plans, tracking
from orders.coupons import Buyer
from orders.details import Details
from orders.holds import CheckoutInProgress
from orders.models import (
    Basket,
    Checkout,
    Order,
    OrderLine,
    OrderStep,
    OrderTicket,
    Payment,
)
from orders.offers import Offer
from orders.payments import PROVIDERS, events
from orders.payments.charges import Charge, ChargeRequest, Outcome
from orders.tracking import Placed

# how long stock is kept for somebody who is paying
HOLD = timedelta(minutes=15)


class TotalChanged(Problem):
    """The customer agreed to another sum than is due now."""

    status = 409
    code = "total_changed"


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
    payment = begun(attempt) or _begin(caller, details, now=now, attempt=attempt)
    return charge(payment, details.payment_token, now=now, speed=speed, attempt=attempt)


def place_once(
    caller: Caller, body: Mapping[str, Any], *, key: str, now: datetime, speed: float
) -> Answer:
    """`place` under an Idempotency-Key: the same key and body get the same answer again.

    `body` is CONTRACT's checkout body. A refusal that changed nothing frees the key.
    """
    claimed = claim(scope=f"{caller.identity} checkout", key=key, body=body, now=now)
    if isinstance(claimed, Answer):
        return claimed
    try:
        details = Details.parse(body, kinds=baskets.kinds(caller))
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
    """Give back what checkouts hold whose deadline has passed; return how many there were."""
    expired = Checkout.objects.live().filter(expires_at__lte=now)
    return sum(cancel(checkout, now=now) for checkout in expired.order_by("pk")[:200])


def cancel(checkout: Checkout, *, now: datetime) -> bool:
    """Give up a checkout that is not completed; False if somebody else moved it first."""
    with log.change():
        baskets.lock(checkout.basket_id)
        return holds.give_up(checkout, now=now)


# the first transaction


def begun(attempt: Attempt | None) -> Payment | None:
    """The payment that an earlier try of the same key left in the middle."""
    if attempt is None or not attempt.subject:
        return None
    return Payment.objects.filter(
        checkout__public_id=attempt.subject,
        checkout__state=Checkout.State.COMPLETE_IN_PROGRESS,
        state=Payment.State.CREATED,
    ).first()


def _begin(caller: Caller, details: Details, *, now: datetime, attempt: Attempt | None) -> Payment:
    with log.change():
        if attempt:
            attempt.hold()
        basket = basket_of(caller)
        earlier = holds.supersede(basket.pk)
        offer = offers.make(basket, details, user_id=caller.user_id, locale=caller.locale, now=now)
        offer.require()
        require_total(offer.total, details.expected_total)
        checkout = draw_up(Checkout(basket=basket, created_at=now), offer, caller, now=now)
        checkout.state = Checkout.State.COMPLETE_IN_PROGRESS
        checkout.save()
        reserve(checkout, instead_of=earlier)
        return start_payment(checkout, details, now=now, attempt=attempt)


def basket_of(caller: Caller) -> Basket:
    """The caller's basket, held until the transaction ends; raise BasketEmpty without one."""
    opened = baskets.hold(caller)
    if opened is None:
        raise offers.empty()
    return opened.basket


def require_total(total: int, expected: int | None) -> None:
    if expected not in (None, total):
        raise TotalChanged(_("The sum has changed. Look at it again and pay if you agree."))


def draw_up(checkout: Checkout, offer: Offer, caller: Caller, *, now: datetime) -> Checkout:
    """Write into a checkout what was agreed; it is saved by whoever knows how far it has come."""
    details = offer.details
    checkout.user_id = caller.user_id
    checkout.email = details.email
    checkout.name = details.name
    checkout.address = dict(details.address)
    checkout.delivery = details.delivery
    checkout.plan = offer.option.plan if offer.option else lifecycle.DEFAULT_PLAN
    checkout.tip = details.tip
    checkout.coupon = offer.coupon
    checkout.locale = caller.locale
    checkout.sales_channel = caller.sales_channel
    checkout.currency = checkout.basket.currency
    checkout.lines = [line.as_dict() for line in offer.lines]
    checkout.totals = offer.totals
    checkout.total = offer.total
    checkout.expires_at = now + HOLD
    return checkout


def reserve(checkout: Checkout, *, instead_of: Collection[str]) -> None:
    """Promise it the stock of its lines; raise OutOfStock."""
    stock.reserve(
        holder=checkout.public_id,
        wanted={line["variant_id"]: line["quantity"] for line in checkout.lines},
        expires_at=checkout.expires_at,
        instead_of=instead_of,
    )


def start_payment(
    checkout: Checkout, details: Details, *, now: datetime, attempt: Attempt | None
) -> Payment:
    """Write the payment of a checkout in progress, and count the use of its coupon."""
    payment = Payment.objects.create(
        checkout=checkout,
        provider=details.payment_provider,
        amount=checkout.total,
        currency=checkout.currency,
        created_at=now,
    )
    if checkout.coupon:
        buyer = Buyer(checkout.user_id, checkout.email)
        coupons.hold(checkout.coupon, checkout_id=checkout.pk, buyer=buyer, now=now)
    if attempt:
        attempt.begin(checkout.public_id)
    return payment


def charge(
    payment: Payment, token: str, *, now: datetime, speed: float, attempt: Attempt | None
) -> Placed:
    """Ask the provider, outside of any transaction, and write what it answered."""
    answer = PROVIDERS[payment.provider].charge(
        ChargeRequest(
            reference=payment.public_id,
            amount=payment.amount,
            currency=payment.currency,
            token=token,
        )
    )
    return _conclude(payment, answer, now=now, speed=speed, attempt=attempt)


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
        plan = checkout.plan
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
        coupons.use(checkout.pk)
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
            discount=line["discount"],
            tax=line["tax"],
            tax_basis_points=line["tax_basis_points"],
            is_tax_included=line["is_tax_included"],
        )
        for position, line in enumerate(lines, 1)
    )


def declined(error_code: str = "declined") -> PaymentDeclined:
    return PaymentDeclined(
        _("The payment was declined and nothing was taken. Try another way to pay."),
        errors=[field_error("/payment", error_code, _("Declined by the provider."))],
    )


def _refuse(
    payment: Payment, charge: Charge, *, now: datetime, attempt: Attempt | None
) -> PaymentDeclined:
    problem = declined(charge.error_code)
    with log.change() as change:
        if attempt:
            attempt.hold()
        checkout = _leave(payment, Checkout.State.READY_FOR_COMPLETE)
        Payment.objects.filter(pk=payment.pk).update(
            state=Payment.State.FAILED, error_code=charge.error_code
        )
        coupons.give_back([checkout.pk])
        stock.release(holder=checkout.public_id, at=now)
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
