"""From a basket to an order: reserve, charge, place.

One path for every face: the page and `POST /orders/checkout` take it in one go (`place`), a
checkout that was begun before (`orders.checkouts`) joins it where it is paid.

Three steps, each whole: the first transaction copies the basket's lines, reserves the stock and
writes the payment; the provider is asked outside of any transaction; the last one writes the order
or gives everything back. A process that dies in between leaves a checkout `complete_in_progress`,
which the same Idempotency-Key takes up, or whose deadline releases the stock.

A provider that asks nobody for its yes needs no such care: all three are one transaction then, and
what was never promised is sold at once.

What the provider says later comes the same way (`conclude`): money that comes after the deadline
still gets its order while there is stock, and goes back otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.utils.translation import gettext as _

from catalog import stock
from museo import bulk, sql
from museo.access.callers import Caller
from museo.access.idempotency import Answer, Attempt, claim
from museo.access.problems import NotFound, Problem, field_error
from museo.access.tokens import digest, new_token
from notifications import log
from orders import (
    adjustments,
    baskets,
    buyers,
    contents,
    coupons,
    holds,
    lifecycle,
    offers,
    opening,
    payments,
    plans,
    tracking,
)
from orders.contents import Contents
from orders.coupons import Buyer, CouponRefused
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
    PaymentLink,
    Refund,
)
from orders.offers import Offer
from orders.payments import asking, events
from orders.payments.charges import Charge, Outcome
from orders.tracking import Placed

# how long stock is kept for somebody who is paying
HOLD = timedelta(minutes=15)
# a payment that has not ended by then was left by a process that died, or by its customer
LOOK_AFTER = timedelta(minutes=2)
# the money is here: nothing else that is said counts
SETTLED = (Payment.State.CAPTURED, Payment.State.SURPLUS)
UNDER_WAY = (Checkout.State.COMPLETE_IN_PROGRESS, Checkout.State.REQUIRES_ESCALATION)


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


class PaymentPending(Problem):
    """The money is on its way; the order is placed when it is here."""

    status = 409
    code = "payment_pending"


class PaymentTooLate(Problem):
    """The money came when there was nothing left to pay for; it goes back."""

    status = 409
    code = "payment_too_late"


class PaymentLinkClosed(Problem):
    """The payment link was used or is over; `state` says which."""

    status = 409
    code = "payment_link_closed"


class UnknownPayment(NotFound):
    code = "unknown_payment"


def place(
    caller: Caller,
    details: Details,
    *,
    now: datetime,
    speed: float,
    attempt: Attempt | None = None,
    link: PaymentLink | None = None,
) -> Placed:
    """Buy what is in the caller's basket, in one go.

    Raises ShopPaused, BasketEmpty, OutOfStock, NotForSale, NotConfigured, and what `conclude`
    raises.
    `attempt` is the claimed Idempotency-Key; its answer is written with the outcome. `link` is the
    payment link by which it is paid.
    """
    return _place(caller, lambda _inside: details, now=now, speed=speed, attempt=attempt, link=link)


def place_once(
    caller: Caller, body: Mapping[str, Any], *, key: str, now: datetime, speed: float
) -> Answer:
    """`place` under an Idempotency-Key: the same key and body get the same answer again.

    `body` is CONTRACT's checkout body. A refusal that changed nothing frees the key.
    """
    claimed = claim(scope=f"{caller.identity} checkout", key=key, body=body, now=now)
    if isinstance(claimed, Answer):
        return claimed

    def read(inside: Contents) -> Details:
        return Details.parse(body, kinds=inside.kinds, stamp=inside.stamp)

    try:
        placed = _place(caller, read, now=now, speed=speed, attempt=claimed)
    except Problem:
        claimed.forget()
        raise
    return Answer(201, tracking.confirmation(placed, locale=caller.locale))


# who buys, by what is in the basket
Read = Callable[[Contents], Details]


def _place(
    caller: Caller,
    read: Read,
    *,
    now: datetime,
    speed: float,
    attempt: Attempt | None,
    link: PaymentLink | None = None,
) -> Placed:
    payment = begun(attempt)
    if payment is None:
        began = _begin(caller, read, now=now, speed=speed, attempt=attempt, link=link)
        if isinstance(began, Placed):
            return began
        payment, details = began
    else:
        details = read(_inside(caller, now=now))
    return charge(payment, details.payment_token, now=now, speed=speed, attempt=attempt)


def _inside(caller: Caller, *, now: datetime) -> Contents:
    opened = baskets.find(caller)
    if opened is None:
        return Contents()
    return contents.of(opened.basket.pk, locale=caller.locale, now=now)


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
    begun = Payment.objects.filter(
        checkout__public_id=attempt.subject,
        state__in=[*Payment.OPEN, Payment.State.OWED, Payment.State.CAPTURED],
    )
    return begun.select_related("checkout").first()


def _begin(
    caller: Caller,
    read: Read,
    *,
    now: datetime,
    speed: float,
    attempt: Attempt | None,
    link: PaymentLink | None,
) -> Placed | tuple[Payment, Details]:
    """The payment for which its provider is to be asked; the order, if that need not be."""
    with log.change() as change:
        if attempt:
            attempt.hold()
        basket = baskets.hold(caller)
        inside = Contents()
        if basket:
            inside = contents.of(basket.basket.pk, locale=caller.locale, now=now)
        details = read(inside)
        opening.require()
        if basket is None:
            raise offers.empty()
        checkout = Checkout(basket=basket.basket, created_at=now)
        earlier = holds.supersede(checkout.basket_id) if inside.is_bought else []
        offer = _offer(checkout.basket, details, inside, caller, now=now)
        draw_up(checkout, offer, caller, now=now)
        provider = payments.require(details.payment_provider)
        if provider.is_at_hand and not inside.is_bought and link is None:
            payment = _unasked(checkout, details.payment_provider, details.payment_token, now=now)
            answer = asking.charge(payment, token=details.payment_token)
            if answer.outcome in (Outcome.CAPTURED, Outcome.OWED):
                return _sell(change, payment, answer, inside, now=now, speed=speed, attempt=attempt)
        checkout.state = Checkout.State.COMPLETE_IN_PROGRESS
        sql.insert(checkout)
        payment = start_payment(checkout, details, now=now, attempt=attempt, link=link)
        reserve(checkout, instead_of=earlier)
        return payment, details


def _offer(
    basket: Basket, details: Details, inside: Contents, caller: Caller, *, now: datetime
) -> Offer:
    """What it costs, if it can be bought so; raise what stands in the way."""
    offer = offers.make(
        basket, details, user_id=caller.user_id, locale=caller.locale, now=now, found=inside
    )
    offer.require()
    require_total(offer.total, details.expected_total)
    # nobody waits for a shelf that is empty; what an earlier checkout holds is this one's
    if inside.short and not inside.is_bought:
        raise inside.out_of_stock()
    return offer


def _sell(
    change: log.Change,
    payment: Payment,
    answer: Charge,
    inside: Contents,
    *,
    now: datetime,
    speed: float,
    attempt: Attempt | None,
) -> Placed:
    """Write the order of a checkout that is paid already; the stock is taken last of all."""
    checkout = payment.checkout
    checkout.state = Checkout.State.COMPLETED
    sql.insert(checkout)
    placed = _write_order(checkout, answer, now=now, speed=speed, stamp=inside.stamp)
    payment.checkout, payment.order = checkout, placed.order
    payment.state = _state_of(answer)
    payment.provider_reference = answer.provider_reference
    payment.look_at = None
    sql.insert(payment)
    _hold_coupon(checkout, now=now)
    _use_coupon(checkout)
    baskets.take_out_all(checkout.basket_id)
    _tell_order(change, payment, answer, placed.order, now=now)
    if attempt:
        attempt.answer(*_as_answer(placed))
    stock.sell(inside.by_shelf, reference=placed.order.number, at=now)
    return placed


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
        wanted=contents.units((line["variant_id"], line["quantity"]) for line in checkout.lines),
        expires_at=checkout.expires_at,
        instead_of=instead_of,
    )


def start_payment(
    checkout: Checkout,
    details: Details,
    *,
    now: datetime,
    attempt: Attempt | None,
    link: PaymentLink | None = None,
) -> Payment:
    """Write the payment of a checkout in progress, and count the use of its coupon.

    Raises NotConfigured.
    """
    payments.require(details.payment_provider)
    payment = ask_for(
        checkout,
        provider=details.payment_provider,
        token=details.payment_token,
        link=link,
        now=now,
    )
    _hold_coupon(checkout, now=now)
    if attempt:
        attempt.begin(checkout.public_id)
    return payment


def _hold_coupon(checkout: Checkout, *, now: datetime) -> None:
    if checkout.coupon:
        buyer = Buyer(checkout.user_id, checkout.email)
        coupons.hold(checkout.coupon, checkout_id=checkout.pk, buyer=buyer, now=now)


def ask_for(
    checkout: Checkout,
    *,
    provider: str,
    token: str,
    link: PaymentLink | None = None,
    now: datetime,
) -> Payment:
    """Write that the provider is asked for what a checkout costs, which is about to happen.

    Raises IntegrityError if it is being asked already, PaymentLinkClosed if the link has ended.
    """
    payment = _unasked(checkout, provider, token, now=now)
    payment.link = link
    sql.insert(payment)
    if link:
        state = PaymentLink.State.OPEN
        is_open = PaymentLink.objects.filter(pk=link.pk, state=state, expires_at__gt=now)
        if not is_open.update(state=state):
            raise link_closed("")
    return payment


def _unasked(checkout: Checkout, provider: str, token: str, *, now: datetime) -> Payment:
    """A payment that is not written yet."""
    return Payment(
        checkout=checkout,
        provider=provider,
        method=token if token in payments.PROVIDERS[provider].methods() else "",
        amount=checkout.total,
        currency=checkout.currency,
        created_at=now,
        look_at=now + LOOK_AFTER,
    )


def link_closed(state: str) -> PaymentLinkClosed:
    return PaymentLinkClosed(
        _("This payment link was used or is over. Ask for a new one."), state=state or None
    )


def charge(
    payment: Payment, token: str, *, now: datetime, speed: float, attempt: Attempt | None
) -> Placed:
    """Ask the provider, outside of any transaction, and write what it answered."""
    answer = asking.charge(payment, token=token)
    return conclude(payment, answer, now=now, speed=speed, attempt=attempt)


# the last transaction


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
            attempt.answer(*_as_answer(said))
    return said


def _as_answer(said: Placed | Problem) -> tuple[int, dict[str, Any]]:
    if isinstance(said, Problem):
        return said.status, said.body()
    return 201, tracking.confirmation(said, locale=said.order.locale)


def _complete(
    change: log.Change, payment: Payment, charge: Charge, *, now: datetime, speed: float
) -> Placed | PaymentTooLate:
    # whoever pays for the same basket at this moment waits, and then sees what is left in it
    baskets.lock(payment.checkout.basket_id)
    if _leave(payment, Checkout.State.COMPLETED):
        return _complete_order(change, payment, charge, now=now, speed=speed)
    return _complete_late(change, payment, charge, now=now, speed=speed)


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
    if _is_wanted(payment) and _take_again(checkout, now=now):
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
    return Placed(order, open_order(order, now=now), due)


def _is_wanted(payment: Payment) -> bool:
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
    checkout.expires_at = now + HOLD
    try:
        with transaction.atomic():
            coupons.give_back([checkout.pk])
            _hold_coupon(checkout, now=now)
            reserve(checkout, instead_of=[checkout.public_id])
    except (stock.OutOfStock, CouponRefused):
        return False
    return True


def _complete_order(
    change: log.Change, payment: Payment, charge: Charge, *, now: datetime, speed: float
) -> Placed:
    """Write the order of a checkout that was just completed."""
    checkout = payment.checkout
    placed = _write_order(checkout, charge, now=now, speed=speed)
    baskets.take_out(checkout.basket_id, checkout.lines)
    _write_outcome(payment, charge, order=placed.order)
    _use_coupon(checkout)
    _tell_order(change, payment, charge, placed.order, now=now)
    stock.commit(holder=checkout.public_id, reference=placed.order.number, at=now)
    return placed


def _use_coupon(checkout: Checkout) -> None:
    if checkout.coupon_id:
        coupons.use(checkout.pk)


def _tell_order(
    change: log.Change, payment: Payment, charge: Charge, order: Order, *, now: datetime
) -> None:
    tracking.tell(change, order, status=lifecycle.PLACED, step=0, now=now)
    events.tell(change, payment, f"payment.{charge.outcome}", order=order, now=now)


def _write_order(
    checkout: Checkout, charge: Charge, *, now: datetime, speed: float, stamp: str | None = None
) -> Placed:
    """The order of a checkout with its lines and steps, told to its buyer, and its ticket."""
    is_paid = charge.outcome is Outcome.CAPTURED
    plan = checkout.plan
    kinds = {line.get("kind", "") for line in checkout.lines}
    wait = opening.wait(kinds, now=now)
    promise = plans.promise(plan, now=now, speed=speed, wait=wait, stamp=stamp)
    due = promise.due
    order = Order(
        checkout=checkout,
        user_id=checkout.user_id,
        email=checkout.email,
        name=checkout.name,
        address=checkout.address,
        delivery=checkout.delivery,
        payment_status=Order.PaymentStatus.PAID if is_paid else Order.PaymentStatus.PENDING,
        paid=checkout.total if is_paid else 0,
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
    sql.insert(order)
    _write_lines(order, checkout.lines)
    bulk.insert(
        OrderStep,
        ("order_id", "index", "status", "due_at", "waits"),
        [(order.pk, step.index, step.status, step.due_at, step.waits) for step in due],
    )
    ticket = open_order(order, now=now)
    buyers.subscribe(order, ticket, now=now)
    return Placed(order, ticket, due)


def open_order(order: Order, *, now: datetime) -> str:
    """One more ticket of an order, for whoever has bought it."""
    ticket = new_token()
    sql.insert(OrderTicket(order=order, token_hash=digest(ticket), created_at=now))
    return ticket


def _state_of(charge: Charge) -> Payment.State:
    is_paid = charge.outcome is Outcome.CAPTURED
    return Payment.State.CAPTURED if is_paid else Payment.State.OWED


def _write_outcome(payment: Payment, charge: Charge, *, order: Order | None) -> None:
    """That the money is here, or owed, for an order; or, for None, that there is none for it."""
    Payment.objects.filter(pk=payment.pk).update(
        state=_state_of(charge) if order else Payment.State.SURPLUS,
        order=order,
        provider_reference=charge.provider_reference,
        error_code="",
        look_at=None,
    )
    if order and payment.link_id:
        PaymentLink.objects.filter(pk=payment.link_id).update(state=PaymentLink.State.PAID)


def _write_lines(order: Order, lines: Sequence[Mapping[str, Any]]) -> None:
    bulk.insert(
        OrderLine,
        ("order_id", "position", *COPIED, "modifiers", "taken_back", "coming_back"),
        [
            # a checkout of before knew no modifiers
            (order.pk, position, *(line[name] for name in COPIED), line.get("modifiers", []), 0, 0)
            for position, line in enumerate(lines, 1)
        ],
    )


# what a line of an order has of a checkout's line
COPIED = (
    "variant_id",
    "sku",
    "name",
    "image",
    "quantity",
    "unit_price",
    "total",
    "discount",
    "tax",
    "tax_basis_points",
    "is_tax_included",
)


def _pay(
    change: log.Change, order: Order, payment: Payment, charge: Charge, *, now: datetime
) -> Placed | PaymentTooLate:
    """Money for an order that was placed before it: by a link, or by hand."""
    status = Order.PaymentStatus
    unpaid = Order.objects.filter(
        pk=order.pk, payment_status__in=[status.UNPAID, status.PENDING, status.FAILED]
    ).exclude(status__in=lifecycle.BY_STAFF)
    if not unpaid.update(payment_status=status.PAID, paid=F("total")):
        return _send_back(change, payment, charge, now=now)
    adjustments.ask_no_more(order, but=payment, now=now)
    _write_outcome(payment, charge, order=order)
    order.refresh_from_db()
    events.tell(change, payment, "payment.captured", order=order, now=now)
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
    events.tell(change, payment, "payment.surplus", order=None, now=now)
    return _too_late()


def _too_late() -> PaymentTooLate:
    return PaymentTooLate(
        _("Your payment came too late: what you chose is gone. All of it goes back to you.")
    )


def declined(error_code: str = "declined") -> PaymentDeclined:
    return PaymentDeclined(
        _("The payment was declined and nothing was taken. Try another way to pay."),
        errors=[field_error("/payment", error_code, _("Declined by the provider."))],
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
