"""What is told of payments, on a topic of each: amounts and codes, never a card or a name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from museo.access.permissions import may
from museo.access.tokens import digest
from notifications import log, topics
from orders import tracking
from orders.models import Order, Payment
from orders.pricing import money

PREFIX = "payment"
TYPES = (
    *(f"{PREFIX}.{state}" for state in Payment.State),
    f"{PREFIX}.refunded",
    f"{PREFIX}.refund_failed",
)


def tell(
    change: log.Change,
    payment: Payment,
    type: str,
    *,
    order: Order | None,
    now: datetime,
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
    change.event(payment.topic, type, data, at=now, also=also)


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
