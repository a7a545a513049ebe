"""Payment links: an address at which whoever has it pays for an order or a basket, once.

Only the digest of what the address ends with is kept. One payment at a time may be under way by a
link, and one may succeed: `one_live_payment_per_link`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.db.models import F
from django.utils.translation import gettext as _

from museo.access.callers import Caller
from museo.access.encryption import seal, unseal
from museo.access.problems import NotFound, Problem
from museo.access.tokens import digest, new_token
from notifications import log
from notifications.envelope import timestamp
from orders import baskets, checkout, lifecycle, outcomes, payments, tracking
from orders.details import Details
from orders.holds import CheckoutInProgress
from orders.models import Checkout, Order, Payment, PaymentLink
from orders.payments import asking
from orders.pricing import chosen, money
from orders.tracking import Placed

LIFETIME = timedelta(days=7)
LONGEST = timedelta(days=30)
# how somebody with a link can pay: now
KINDS = ("instant", "redirect")
State = PaymentLink.State


class UnknownLink(NotFound):
    code = "unknown_payment_link"


class NothingToPay(Problem):
    """The order is paid or has ended, or the basket is empty."""

    status = 409
    code = "nothing_to_pay"


@dataclass(frozen=True)
class NewLink:
    """A link, and what its address ends with, which is nowhere else."""

    link: PaymentLink
    token: str = field(repr=False)


def for_order(
    caller: Caller, number: str, *, lifetime: timedelta = LIFETIME, now: datetime
) -> NewLink:
    """A link to an order that the caller may act on; raise NothingToPay."""
    order = tracking.find_to_act(caller, number)
    _require_unpaid(order)
    return _new(order=order, amount=order.payable, currency=order.currency, now=now, life=lifetime)


def for_basket(caller: Caller, *, lifetime: timedelta = LIFETIME, now: datetime) -> NewLink:
    """A link to the caller's basket; whoever opens it says who and where, and pays."""
    opened = baskets.find(caller)
    shown = baskets.show(opened, locale=caller.locale, now=now)
    if opened is None or not shown["lines"]:
        raise NothingToPay(_("Your basket is empty. Put something in first."))
    return _new(
        basket=opened.basket,
        basket_key=seal(opened.token) if opened.token else "",
        amount=shown["totals"][-1]["amount"],
        currency=shown["currency"],
        now=now,
        life=lifetime,
    )


def _new(*, now: datetime, life: timedelta, **what: Any) -> NewLink:
    token = new_token()
    expires_at = now + min(life, LONGEST)
    link = PaymentLink.objects.create(
        token_hash=digest(token), created_at=now, expires_at=expires_at, **what
    )
    return NewLink(link, token)


def find(token: str) -> PaymentLink:
    """The link of a token; raise UnknownLink."""
    links = PaymentLink.objects.filter(token_hash=digest(token))
    link = links.select_related("order__checkout", "basket").first()
    if link is None:
        raise UnknownLink(_("There is no such payment link. Ask for a new one."))
    return link


def state_of(link: PaymentLink, *, now: datetime) -> str:
    """`open`, `paid`, `expired` or `void`."""
    return State.EXPIRED if link.state == State.OPEN and link.expires_at <= now else link.state


def show(new: NewLink, *, now: datetime) -> dict[str, Any]:
    """REST's payment link."""
    link = new.link
    return {
        "id": link.public_id,
        "url": f"{settings.MUSEO_PUBLIC_URL}/pay/link/{new.token}",
        "state": state_of(link, now=now),
        "amount": money(link.amount, link.currency),
        "expires_at": timestamp(link.expires_at),
        "order_id": link.order.number if link.order else None,
    }


def pay(
    link: PaymentLink,
    *,
    method: str,
    body: Mapping[str, Any],
    locale: str,
    now: datetime,
    speed: float,
) -> Placed:
    """Pay by a link; `body` says who and where, as REST's checkout body, for a basket.

    Raises PaymentLinkClosed, NotConfigured, and what a checkout raises. The ticket of an order
    that was there before is not given away.
    """
    provider = payments.provider_of(method, kinds=KINDS)
    if not provider:
        raise payments.NotConfigured(
            _("Choose one of: %(choices)s.") % {"choices": ", ".join(payments.offered(KINDS))}
        )
    _require_open(link, now=now)
    if link.order:
        payment = _ask_for_order(link, link.order, provider=provider, method=method, now=now)
        charge = asking.charge(payment, token=method)
        placed = outcomes.conclude(payment, charge, now=now, speed=speed)
        return replace(placed, ticket="")
    who = payer(link, locale)
    wanted = {**body, "payment": {"provider": provider, "token": method}}
    details = Details.parse(wanted, kinds=baskets.kinds(who))
    return checkout.place(who, details, now=now, speed=speed, link=link)


def _require_open(link: PaymentLink, *, now: datetime) -> None:
    state = state_of(link, now=now)
    if state != State.OPEN:
        raise checkout.link_closed(state)


def payer(link: PaymentLink, locale: str) -> Caller:
    """Whoever pays for a basket acts for its owner, for this one purchase."""
    key = unseal(link.basket_key) if link.basket_key else ""
    user_id = link.basket.user_id if link.basket else None
    return Caller(user_id=user_id, basket_token=key, locale=locale)


def _ask_for_order(
    link: PaymentLink, order: Order, *, provider: str, method: str, now: datetime
) -> Payment:
    try:
        with log.change():
            # a payment that waits for its customer is given up for this one
            Checkout.objects.filter(pk=order.checkout_id).update(state=F("state"))
            order.refresh_from_db()
            _require_unpaid(order)
            waiting = order.checkout.payments.filter(state=Payment.State.REQUIRES_ACTION)
            waiting.update(state=Payment.State.CANCELLED, look_at=now)
            return checkout.ask_for(
                order.checkout,
                provider=provider,
                token=method,
                amount=order.payable,
                link=link,
                now=now,
            )
    except IntegrityError as error:
        raise CheckoutInProgress(
            _("This is being paid for at this moment. Wait for its answer."), retry_after=1
        ) from error


def _require_unpaid(order: Order) -> None:
    status = Order.PaymentStatus
    is_unpaid = order.payment_status in (status.UNPAID, status.PENDING, status.FAILED)
    if not is_unpaid or order.status in lifecycle.BY_STAFF or not order.payable:
        raise NothingToPay(_("Nothing is to be paid for this order."))


def void(caller: Caller, token: str) -> PaymentLink:
    """Close a link of an order or a basket of the caller's; UnknownLink for others, too."""
    link = find(token)
    is_theirs = (
        Order.objects.visible_to(caller.to_act()).filter(pk=link.order_id).exists()
        if link.order_id
        else link.basket == getattr(baskets.find(caller), "basket", None)
    )
    if not is_theirs:
        raise UnknownLink(_("There is no such payment link. Ask for a new one."))
    PaymentLink.objects.filter(pk=link.pk, state=State.OPEN).update(state=State.VOID)
    link.refresh_from_db(fields=["state"])
    return link


def expire(*, now: datetime) -> int:
    """Close the links whose time is over; return how many."""
    over = PaymentLink.objects.filter(state=State.OPEN, expires_at__lte=now)
    # mostly there are none, and then nobody need wait for a write
    return over.update(state=State.EXPIRED) if over.exists() else 0


def of_order(link: PaymentLink, order: Order) -> dict[str, Any]:
    """What a link to an order is for, to be shown: lines and the sum."""
    return {
        "lines": [
            {
                "name": line.name,
                "image": line.image,
                "modifiers": chosen(line.modifiers, link.currency),
                "quantity": line.quantity,
                "unit_price": money(line.unit_price, link.currency),
                "total": money(line.total, link.currency),
            }
            for line in order.lines.order_by("position")
        ],
        "to_pay": money(link.amount, link.currency),
    }


def paid_by(link: PaymentLink) -> dict[str, Any]:
    """What was paid by a link that is paid; its basket is empty by now, or holds other things."""
    payment = link.payments.get(state=Payment.State.CAPTURED)
    return money(payment.amount, payment.currency)
