"""From a basket to an order: reserve, charge, place.

One path for every face: the page and `POST /orders/checkout` take it in one go (`place`), a
checkout that was begun before (`orders.checkouts`) joins it where it is paid.

Three steps, each whole: the first transaction copies the basket's lines, reserves the stock and
writes the payment; the provider is asked outside of any transaction; the last one (`outcomes`)
writes the order or gives everything back. A process that dies in between leaves a checkout
`complete_in_progress`, which the same Idempotency-Key takes up, or whose deadline releases the
stock.

A provider that asks nobody for its yes needs no such care: all three are one transaction then, and
what was never promised is sold at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from catalog import stock
from museo import sql
from museo.access.callers import Caller
from museo.access.idempotency import Answer, Attempt, once
from museo.access.problems import Problem
from notifications import log
from orders import (
    baskets,
    contents,
    holds,
    lifecycle,
    offers,
    opening,
    outcomes,
    payments,
    placing,
)
from orders.contents import Contents
from orders.details import Details
from orders.models import (
    Basket,
    Checkout,
    Payment,
    PaymentLink,
)
from orders.offers import Offer
from orders.payments import asking
from orders.payments.charges import Charge, Outcome
from orders.tracking import Placed


class BasketChanged(Problem):
    """The customer agreed to buy the basket as it was before."""

    status = 409
    code = "basket_changed"


class TotalChanged(Problem):
    """The customer agreed to another sum than is due now."""

    status = 409
    code = "total_changed"


class PaymentLinkClosed(Problem):
    """The payment link was used or is over; `state` says which."""

    status = 409
    code = "payment_link_closed"


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

    Raises ShopPaused, BasketEmpty, OutOfStock, NotForSale, NotConfigured, and what
    `outcomes.conclude` raises.
    `attempt` is the claimed Idempotency-Key; its answer is written with the outcome. `link` is the
    payment link by which it is paid.
    """
    return _place(caller, lambda _inside: details, now=now, speed=speed, attempt=attempt, link=link)


def place_once(
    caller: Caller, body: Mapping[str, Any], *, key: str, now: datetime, speed: float
) -> Answer:
    """`place` under an Idempotency-Key: the same key and body get the same answer again.

    `body` is REST's checkout body.
    """

    def read(inside: Contents) -> Details:
        return Details.parse(body, kinds=inside.kinds, stamp=inside.stamp)

    def work(attempt: Attempt) -> None:
        _place(caller, read, now=now, speed=speed, attempt=attempt)

    return once(work, scope=f"{caller.identity} checkout", key=key, body=body, now=now)


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
        _require_revision(basket.basket, details.expected_revision)
        checkout = sql.new(Checkout, basket=basket.basket, created_at=now)
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
        holds.reserve(checkout, instead_of=earlier)
        return payment, details


def _require_revision(basket: Basket, expected: int | None) -> None:
    # holding it has raised it by one
    if expected not in (None, basket.revision - 1):
        raise BasketChanged(_("The basket has changed. Look at it again and pay if you agree."))


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
    with sql.together():
        sql.insert(checkout)
        placed = placing.write_order(checkout, answer, now=now, speed=speed, stamp=inside.stamp)
        payment.order = placed.order
        payment.state = placing.state_of(answer)
        payment.provider_reference = answer.provider_reference
        payment.look_at = None
        sql.insert(payment)
        baskets.take_out_all(checkout.basket_id)
        if attempt:
            attempt.answer(*outcomes.as_answer(placed))
        stock.note_sale(inside.by_shelf.items(), reference=placed.order.number, at=now)
    holds.take_coupon(checkout, now=now)
    placing.use_coupon(checkout)
    placing.tell(change, payment, answer, placed.order, now=now)
    stock.sell(inside.by_shelf)
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
    checkout.expires_at = now + holds.HOLD
    return checkout


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
    holds.take_coupon(checkout, now=now)
    if attempt:
        attempt.begin(checkout.public_id)
    return payment


def ask_for(
    checkout: Checkout,
    *,
    provider: str,
    token: str,
    amount: int | None = None,
    link: PaymentLink | None = None,
    now: datetime,
) -> Payment:
    """Write that the provider is asked for what a checkout costs, which is about to happen.

    `amount` is that of its order, if there is one.
    Raises IntegrityError if it is being asked already, PaymentLinkClosed if the link has ended.
    """
    payment = _unasked(checkout, provider, token, now=now)
    payment.link = link
    if amount is not None:
        payment.amount = amount
    sql.insert(payment)
    if link:
        state = PaymentLink.State.OPEN
        is_open = PaymentLink.objects.filter(pk=link.pk, state=state, expires_at__gt=now)
        if not is_open.update(state=state):
            raise link_closed("")
    return payment


def _unasked(checkout: Checkout, provider: str, token: str, *, now: datetime) -> Payment:
    """A payment that is not written yet."""
    return sql.new(
        Payment,
        checkout=checkout,
        provider=provider,
        method=token if token in payments.PROVIDERS[provider].methods() else "",
        amount=checkout.total,
        currency=checkout.currency,
        created_at=now,
        look_at=now + outcomes.LOOK_AFTER,
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
    return outcomes.conclude(payment, answer, now=now, speed=speed, attempt=attempt)
