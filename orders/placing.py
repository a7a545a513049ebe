"""The order of a checkout that is paid, or owed: its lines, steps and ticket, and who is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from museo import bulk, sql
from museo.access.tokens import digest, new_token
from notifications import log
from orders import buyers, coupons, lifecycle, opening, plans, tracking
from orders.models import Basket, Checkout, Order, OrderLine, OrderStep, OrderTicket, Payment
from orders.payments import events
from orders.payments.charges import Charge, Outcome
from orders.tracking import Placed

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


def write_order(
    checkout: Checkout, charge: Charge, *, now: datetime, speed: float, stamp: str | None = None
) -> Placed:
    """The order of a checkout with its lines and steps, told to its buyer, and its ticket."""
    is_paid = charge.outcome is Outcome.CAPTURED
    plan = checkout.plan
    kinds = {line.get("kind", "") for line in checkout.lines}
    wait = opening.wait(kinds, now=now)
    promise = plans.promise(plan, now=now, speed=speed, wait=wait, stamp=stamp)
    due = promise.due
    order = sql.new(
        Order,
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
    with sql.together():
        sql.insert(order)
        _write_lines(order, checkout.lines)
        bulk.insert(
            OrderStep,
            ("order_id", "index", "status", "due_at", "waits"),
            [(order, step.index, step.status, step.due_at, step.waits) for step in due],
        )
        ticket = open_order(order, now=now)
        buyers.subscribe(order, ticket, now=now)
    return Placed(order, ticket, due)


def _write_lines(order: Order, lines: Sequence[Mapping[str, Any]]) -> None:
    bulk.insert(
        OrderLine,
        ("order_id", "position", *COPIED, "modifiers", "taken_back", "coming_back"),
        [
            # a checkout of before knew no modifiers
            (order, position, *(line[name] for name in COPIED), line.get("modifiers", []), 0, 0)
            for position, line in enumerate(lines, 1)
        ],
    )


def open_order(order: Order, *, now: datetime) -> str:
    """One more ticket of an order, for whoever has bought it."""
    ticket = new_token()
    sql.insert(sql.new(OrderTicket, order=order, token_hash=digest(ticket), created_at=now))
    return ticket


def use_coupon(checkout: Checkout) -> None:
    """Its coupon is used for good, if it has one, and leaves the basket with what was bought."""
    if checkout.coupon_id:
        coupons.use(checkout.pk)
        Basket.objects.filter(pk=checkout.basket_id, coupon=checkout.coupon_id).update(coupon=None)


def tell(
    change: log.Change, payment: Payment, charge: Charge, order: Order, *, now: datetime
) -> None:
    """Say in the log that it was placed, and what became of its payment."""
    tracking.tell(change, order, status=lifecycle.PLACED, step=0, now=now)
    events.tell(change, payment, f"payment.{charge.outcome}", order=order, now=now)


def state_of(charge: Charge) -> Payment.State:
    """Of a payment for which there is an order: the money is here, or owed."""
    is_paid = charge.outcome is Outcome.CAPTURED
    return Payment.State.CAPTURED if is_paid else Payment.State.OWED
