"""What becomes known of payments later: by webhook, by asking again, by staff.

A webhook's row and what it changes are one transaction, so it works once however often it comes.
In whatever order webhooks come, a payment moves on and never back: money that is here wins over
all that was said before, and nothing takes it away again but a refund.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from museo.access.callers import Caller
from museo.access.permissions import may
from museo.access.problems import NotAllowed, NotFound, Problem
from notifications import log
from orders import adjustments, outcomes, payments, tracking
from orders.models import Order, Payment, PaymentEvent
from orders.payments import asking, demo
from orders.payments.charges import Charge, News, Outcome, ProviderUnreachable

logger = logging.getLogger(__name__)

# how often a provider is asked about a payment that is open, and about one that was given up
ASK_EVERY = timedelta(minutes=2)
ASK_GIVEN_UP_EVERY = timedelta(hours=6)
# the slowest bank has moved its money by then; what comes later still is told by webhook
FORGET_AFTER = timedelta(days=14)


class UnknownProvider(NotFound):
    code = "unknown_payment_provider"


@dataclass(frozen=True)
class Heard:
    """What a webhook did: whether it was the first of its id, and about something we know."""

    is_new: bool
    is_known: bool


def hear(
    code: str, body: bytes, headers: Mapping[str, str], *, now: datetime, speed: float
) -> Heard:
    """Take a provider's webhook in, once; raise UnknownProvider, NotConfigured or BadNews."""
    provider = payments.PROVIDERS.get(code)
    if provider is None or provider.read is None:
        raise UnknownProvider(_("No payment provider sends its webhooks here."))
    payments.require(code)
    news = provider.read(body, headers)
    with log.change():
        if not _is_first(code, news, now=now):
            return Heard(is_new=False, is_known=True)
        is_known = _apply(code, news, now=now, speed=speed)
    if not is_known and (news.charge or news.paid_back):
        logger.warning("webhook about nothing of ours", extra={"provider": code, "type": news.type})
    return Heard(is_new=True, is_known=is_known)


def _is_first(code: str, news: News, *, now: datetime) -> bool:
    """Write the webhook down; False if it was before. Who is second waits for the first."""
    try:
        with transaction.atomic():
            PaymentEvent.objects.create(
                provider=code,
                event_id=news.event_id[:255],
                type=news.type[:80],
                reference=news.reference[:30],
                at=now,
            )
    except IntegrityError:
        return False
    return True


def _apply(code: str, news: News, *, now: datetime, speed: float) -> bool:
    if news.paid_back:
        return adjustments.hear(code, news.reference, news.paid_back, now=now)
    payment = _find(code, news)
    if payment is None or news.charge is None:
        return False
    settle(payment, news.charge, now=now, speed=speed)
    return True


def _find(code: str, news: News) -> Payment | None:
    found = Payment.objects.filter(provider=code, public_id=news.reference)
    return found.select_related("checkout").first()


def settle(payment: Payment, charge: Charge, *, now: datetime, speed: float) -> None:
    """Write what a provider says of a payment, if it is news, and of the sum that was asked for."""
    if charge.took not in (None, (payment.amount, payment.currency)):
        # nobody's order is placed for another sum; staff see it at the provider's
        logger.error("another sum than was asked for", extra={"payment": payment.public_id})
        return
    state, outcome = payment.state, charge.outcome
    is_old = state in (Payment.State.CAPTURED, Payment.State.SURPLUS) or (
        outcome is not Outcome.CAPTURED and state not in Payment.OPEN
    )
    is_same = state == Payment.State.REQUIRES_ACTION and outcome is Outcome.NEEDS_ACTION
    if is_old and outcome is Outcome.DECLINED:
        # what was given up does not come any more
        Payment.objects.filter(pk=payment.pk).update(look_at=None)
    if is_old or is_same or (state == Payment.State.PENDING and outcome is Outcome.PENDING):
        return
    said = outcomes.write(payment, charge, now=now, speed=speed)
    if isinstance(said, Problem):
        logger.info(
            "payment settled without an order",
            extra={"payment": payment.public_id, "code": said.code},
        )


# asking again


def look_after(*, now: datetime, speed: float, limit: int = 50) -> int:
    """Ask providers about payments left in the middle or given up; return how many were asked."""
    due = Payment.objects.filter(look_at__lte=now).order_by("look_at", "pk")
    return sum(look(payment, now=now, speed=speed) for payment in due[:limit])


def look(payment: Payment, *, now: datetime, speed: float) -> bool:
    """Ask the provider how one payment stands; False if somebody else is asking, or it is over."""
    if payment.look_at is None:
        return False
    # who moves the time on is the one who asks; whoever dies while asking is followed by the next
    mine = Payment.objects.filter(pk=payment.pk, look_at=payment.look_at)
    is_given_up = payment.state not in Payment.OPEN
    if not mine.update(look_at=now + (ASK_GIVEN_UP_EVERY if is_given_up else ASK_EVERY)):
        return False
    try:
        charge = asking.close(payment) if is_given_up else asking.look(payment)
    except ProviderUnreachable:
        logger.warning("provider unreachable", extra={"payment": payment.public_id})
        Payment.objects.filter(pk=payment.pk, look_at__isnull=False).update(look_at=now + ASK_EVERY)
        return True
    if charge and charge.outcome is not Outcome.OWED:
        try:
            settle(payment, charge, now=now, speed=speed)
        except Problem as problem:
            # its customer gave it up at this moment; it is looked at once more
            logger.info(
                "payment moved on", extra={"payment": payment.public_id, "code": problem.code}
            )
    is_on_its_way = charge is not None and charge.outcome is Outcome.PENDING
    is_old = now - payment.created_at > FORGET_AFTER
    if (is_given_up and not is_on_its_way) or is_old:
        Payment.objects.filter(pk=payment.pk).update(look_at=None)
    return True


def look_again(caller: Caller, payment_id: str, *, now: datetime, speed: float) -> Payment:
    """The same at once, for staff who may change orders."""
    _require_staff(caller)
    payment = Payment.objects.filter(public_id=payment_id).first()
    if payment is None:
        raise outcomes.UnknownPayment(_("There is no such payment."))
    if payment.state not in (Payment.State.CAPTURED, Payment.State.SURPLUS, Payment.State.OWED):
        Payment.objects.filter(pk=payment.pk).update(look_at=now)
        payment.look_at = now
        look(payment, now=now, speed=speed)
    payment.refresh_from_db()
    return payment


def play_the_demo_bank(*, now: datetime, speed: float) -> int:
    """Send the demo bank's webhooks for money that has arrived by now; return how many."""
    if not payments.is_configured("demo"):
        return 0
    on_their_way = Payment.objects.filter(
        provider="demo",
        state=Payment.State.PENDING,
        created_at__lte=now - demo.ON_ITS_WAY,
    )
    references = on_their_way.order_by("pk").values_list("public_id", flat=True)[:100]
    for reference in list(references):
        body, headers = demo.news(reference, Outcome.CAPTURED)
        hear("demo", body, headers, now=now, speed=speed)
    return len(references)


# by hand


def mark_paid(caller: Caller, number: str, *, now: datetime) -> Order:
    """Staff have received what an order owes; again is harmless. Raises NothingOwed."""
    order = tracking.find(caller, number)
    _require_staff(caller)
    owed = Payment.objects.filter(checkout=order.checkout_id, state=Payment.State.OWED)
    payment = owed.select_related("checkout").first()
    if payment is None:
        if order.payments.filter(provider="manual", state=Payment.State.CAPTURED).exists():
            return order
        raise outcomes.NothingOwed(_("Nothing is owed for this order by invoice or in cash."))
    charge = Charge(Outcome.CAPTURED, provider_reference=payment.provider_reference)
    said = outcomes.write(payment, charge, now=now, speed=1.0)
    if isinstance(said, Problem):
        raise said
    order.refresh_from_db()
    return order


def _require_staff(caller: Caller) -> None:
    if not may(caller, "orders.change_order"):
        raise NotAllowed(_("Only staff who may change orders can change their payments."))
