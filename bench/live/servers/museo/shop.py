"""Makes the shop that is measured, with orders to follow; prints what the bench must know."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex

from django.conf import settings
from django.utils import timezone

from museo.access.tokens import digest, new_token
from museo.ops import prepare, up
from notifications import log
from orders import lifecycle, tracking
from orders.models import Basket, Checkout, Order, OrderStep, OrderTicket

AT_ONCE = 500


@dataclass(frozen=True)
class Made:
    """An order and the ticket that opens it."""

    number: str
    ticket: str


def main() -> None:
    port, count = int(sys.argv[1]), int(sys.argv[2])
    prepare.shop(settings.MUSEO_HOME, demo=False)
    now = timezone.now()
    made = [each for first in range(0, count, AT_ONCE) for each in place(count - first, now=now)]
    web = up.parts(up.Options(port=port))[0]
    told = {
        "command": web.command,
        "orders": [[each.number, each.ticket] for each in made],
        "epoch": log.state().epoch,
    }
    sys.stdout.write(json.dumps(told) + "\n")


def place(most: int, *, now: datetime) -> list[Made]:
    """Orders of guests, as the checkout writes them, many in one change."""
    count = min(most, AT_ONCE)
    # the clock leaves them alone until a tick is measured
    steps = lifecycle.PLANS[lifecycle.DEFAULT_PLAN]
    due = lifecycle.timetable(steps, placed_at=now, speed=1 / 60)
    baskets = Basket.objects.bulk_create(
        Basket(token_hash=token_hex(32), expires_at=now, created_at=now) for _ in range(count)
    )
    checkouts = Checkout.objects.bulk_create(_checkout(basket, now) for basket in baskets)
    orders = Order.objects.bulk_create(_order(checkout, due, now) for checkout in checkouts)
    tickets = [new_token() for _ in orders]
    with log.change() as change:
        OrderStep.objects.bulk_create(
            OrderStep(order=order, index=step.index, status=step.status, due_at=step.due_at)
            for order in orders
            for step in due
        )
        OrderTicket.objects.bulk_create(
            OrderTicket(order=order, token_hash=digest(ticket), created_at=now)
            for order, ticket in zip(orders, tickets, strict=True)
        )
        for order in orders:
            tracking.tell(change, order, status=lifecycle.PLACED, step=0, now=now)
    return [Made(order.number, ticket) for order, ticket in zip(orders, tickets, strict=True)]


def _checkout(basket: Basket, now: datetime) -> Checkout:
    return Checkout(
        basket=basket,
        state=Checkout.State.COMPLETED,
        email="maya@example.org",
        name="Maya Okafor",
        delivery=lifecycle.DEFAULT_PLAN,
        locale="en",
        currency="EUR",
        total=12900,
        expires_at=now,
        created_at=now,
    )


def _order(checkout: Checkout, due: list[lifecycle.DueStep], now: datetime) -> Order:
    return Order(
        checkout=checkout,
        email=checkout.email,
        name=checkout.name,
        delivery=checkout.delivery,
        payment_status=Order.PaymentStatus.PAID,
        plan=checkout.delivery,
        steps_total=len(due),
        next_step_at=due[0].due_at,
        promised_at=due[-1].due_at,
        eta=due[-1].due_at,
        placed_at=now,
        currency=checkout.currency,
        total=checkout.total,
        paid=checkout.total,
        locale=checkout.locale,
    )


if __name__ == "__main__":
    main()
