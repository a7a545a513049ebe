"""What is told of payments, on a topic of each: amounts and codes, never a card or a name.

Money that goes back, and a debt that is less, is told in words to whoever follows the order. That a
refund failed is told so to staff alone, who do something about it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.utils.translation import gettext_noop

from museo.access.permissions import may
from museo.access.tokens import digest
from notifications import log, subscriptions, topics
from orders import lifecycle, tracking
from orders.models import Order, Payment
from orders.pricing import in_words, money

PREFIX = "payment"
TYPES = (
    *(f"{PREFIX}.{state}" for state in Payment.State),
    "payment.refunded",
    "payment.refund_failed",
)
REFUNDED = "payment.refunded"
OWED = "payment.owed"
# of what whoever follows an order is told in words
IN_WORDS = (REFUNDED, OWED)
GOES_BACK = gettext_noop("payment.refunded.message")
# why money goes back that is kept for no order
NO_ORDER = gettext_noop("payment.refunded.without_order")
PAID_BEFORE = gettext_noop("payment.refunded.paid_before")
NOTHING_DUE = gettext_noop("payment.refunded.nothing_due")
LINK_PAID_BEFORE = gettext_noop("payment.refunded.link_paid_before")
ORDERED_SINCE = gettext_noop("payment.refunded.ordered_since")
LESS, NOTHING = gettext_noop("payment.owed.message"), gettext_noop("payment.owed.nothing")
FAILED = gettext_noop("refund_failed.message")


def tell(
    change: log.Change,
    payment: Payment,
    type: str,
    *,
    order: Order | None,
    now: datetime,
    texts: Mapping[str, Any] | None = None,
    **more: Any,
) -> None:
    data = {
        "payment_id": payment.public_id,
        "provider": payment.provider,
        "amount": payment.amount,
        "currency": payment.currency,
        "order_id": order.number if order else None,
        **more,
    }
    also = tracking.also_heard_on(payment.checkout.user_id)
    change.event(payment.topic, type, data, at=now, also=also, texts=texts)


def tell_refunded(
    change: log.Change, payment: Payment, amount: int, *, order: Order | None, now: datetime
) -> None:
    """So much goes back; in words, unless that has ended the order, which says it."""
    texts = None
    if order is None:
        why, about = _why_kept_for_none(payment)
        texts = _message(why, amount=in_words(amount, payment.currency), **about)
    elif order.status != lifecycle.REFUNDED:
        texts = _message(GOES_BACK, amount=in_words(amount, payment.currency), number=order.number)
        _follow(payment, REFUNDED, order=order, now=now)
    tell(change, payment, REFUNDED, order=order, now=now, texts=texts, refunded=amount)


def _why_kept_for_none(payment: Payment) -> tuple[str, dict[str, str]]:
    """The words for it, and what they name: the buyer's own order, never that of somebody else."""
    bought = payment.checkout
    if own := Order.objects.filter(checkout=bought).first():
        return PAID_BEFORE if own.paid else NOTHING_DUE, {"number": own.number}
    if payment.link and payment.link.payments.filter(state=Payment.State.CAPTURED).exists():
        return LINK_PAID_BEFORE, {}
    later = Order.objects.filter(
        checkout__basket=bought.basket_id, checkout__gt=bought.pk, email=bought.email
    ).first()
    return (ORDERED_SINCE, {"number": later.number}) if later else (NO_ORDER, {})


def tell_less_owed(
    change: log.Change, payment: Payment, waived: int, *, order: Order, now: datetime
) -> None:
    """So much less is asked for; in words, unless that ends the order, which says it."""
    left, texts = order.payable, None
    if left or order.status != lifecycle.DELIVERED:
        texts = _message(
            LESS if left else NOTHING,
            waived=in_words(waived, order.currency),
            left=in_words(left, order.currency),
            number=order.number,
        )
        _follow(payment, OWED, order=order, now=now)
    tell(change, payment, OWED, order=order, now=now, texts=texts, amount=left)


def tell_refund_failed(
    change: log.Change, payment: Payment, amount: int, *, order: Order | None, now: datetime
) -> None:
    """Without words, and in words to staff if it is for them to do something."""
    tell(change, payment, "payment.refund_failed", order=order, now=now)
    if order is None:
        return
    change.event(
        tracking.STAFF_TOPIC,
        "notification",
        {
            "notification_id": uuid4().hex,
            "notification_type": "refund_failed",
            "order_id": order.number,
            "data": {"payment_id": payment.public_id},
        },
        at=now,
        texts=_message(FAILED, amount=in_words(amount, payment.currency), number=order.number),
    )


def _message(key: str, **given: Any) -> dict[str, Any]:
    return {"message": [key, given]}


def _follow(payment: Payment, type: str, *, order: Order, now: datetime) -> None:
    """Whoever follows the order hears of its payment."""
    subscriptions.hear_further(of=order.topic, topic=payment.topic, type=type, now=now)


def page(_name: str, data: Mapping[str, Any]) -> str:
    """Where people see what became of a payment: at its order."""
    number = data.get("order_id")
    return tracking.page(tracking.topic(number), data) if number else ""


def may_read(wanted: Sequence[topics.Wanted]) -> list[set[str]]:
    """Those payments that each caller may read, in one query.

    Whose basket it was, by user or token, who has a ticket of its order, and staff.
    """
    asked = {name.removeprefix(f"{PREFIX}.") for _caller, names in wanted for name in names}
    keys: dict[str, set[int | str]] = defaultdict(set)
    for name, user_id, basket, ticket, revoked_at in Payment.objects.filter(
        public_id__in=asked
    ).values_list(
        "public_id",
        "checkout__user_id",
        "checkout__basket__token_hash",
        "order__tickets__token_hash",
        "order__tickets__revoked_at",
    ):
        opened = keys[f"{PREFIX}.{name}"]
        opened.update(key for key in (user_id, basket) if key)
        if ticket and revoked_at is None:
            opened.add(ticket)
    return [
        {
            name
            for name in names
            if name in keys
            and (
                caller.customer_id in keys[name]
                or any(digest(key) in keys[name] for key in (*caller.keys, caller.basket_token))
                or may(caller, "orders.view_order")
            )
        }
        for caller, names in wanted
    ]


def snapshot(names: Collection[str], locale: str) -> Mapping[str, dict[str, Any]]:
    """How each payment stands, in one query."""
    asked = [name.removeprefix(f"{PREFIX}.") for name in names]
    return {
        payment.topic: {
            "payment_id": payment.public_id,
            "order_id": payment.order.number if payment.order else None,
            "state": payment.state,
            "amount": money(payment.amount, payment.currency),
            "refunded": money(payment.refunded, payment.currency),
        }
        for payment in Payment.objects.filter(public_id__in=asked).select_related("order")
    }
