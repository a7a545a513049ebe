"""What is told of payments, on a topic of each: amounts and codes, never a card or a name."""

from datetime import datetime
from typing import Any

from notifications import log
from orders import tracking
from orders.models import Order, Payment


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
