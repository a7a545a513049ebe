"""What the clock does: it reads the time once and calls one service."""

import time

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from museo.access import heartbeat
from orders import adjustments, baskets, buyers, checkout, lateness, services, tracking
from orders.payments import links, settlement

# a tick is over before the next one
TICK_SECONDS = 0.8


@shared_task(name="orders.advance_due_orders")
def advance_due_orders() -> int:
    """Move the orders that are due; return the number of steps."""
    deadline = time.monotonic() + TICK_SECONDS
    steps = services.advance_due(
        now=timezone.now(), is_time_left=lambda: time.monotonic() < deadline
    )
    heartbeat.record("tick", timezone.now())
    return steps


@shared_task(name="orders.tell_overdue_orders")
def tell_overdue_orders() -> int:
    """Tell of the orders that have become late; return how many."""
    deadline = time.monotonic() + TICK_SECONDS
    return lateness.tell_overdue(
        now=timezone.now(), is_time_left=lambda: time.monotonic() < deadline
    )


@shared_task(name="orders.release_expired_reservations")
def release_expired_reservations() -> int:
    """Give back the stock of checkouts that were not paid in time."""
    return checkout.release_expired(now=timezone.now())


@shared_task(name="orders.expire_baskets")
def expire_baskets() -> int:
    """Close baskets that nobody has touched for long."""
    return baskets.expire(now=timezone.now())


@shared_task(name="orders.expire_tickets")
def expire_tickets() -> int:
    """Close the links of orders that ended long ago, and tell nobody of them any more."""
    now = timezone.now()
    buyers.forget(now=now)
    return tracking.expire_tickets(now=now)


@shared_task(name="orders.settle_refunds")
def settle_refunds() -> int:
    """Take up refunds that a process left in the middle."""
    return adjustments.settle_left(now=timezone.now())


@shared_task(name="orders.look_after_payments")
def look_after_payments() -> int:
    """Ask providers about payments that were left in the middle; let old payment links expire."""
    now = timezone.now()
    links.expire(now=now)
    return settlement.look_after(now=now, speed=settings.MUSEO_CLOCK_SPEED)


@shared_task(name="orders.play_the_demo_bank")
def play_the_demo_bank() -> int:
    """The demo provider's late webhooks."""
    return settlement.play_the_demo_bank(now=timezone.now(), speed=settings.MUSEO_CLOCK_SPEED)
