"""What machines read of an order's page: schema.org's Order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from catalog.publishing import SCHEMA, price
from catalog.shop import current
from orders import lifecycle
from orders.models import Order

STATUSES = {
    lifecycle.PLACED: "OrderProcessing",
    lifecycle.CONFIRMED: "OrderProcessing",
    lifecycle.PREPARING: "OrderProcessing",
    lifecycle.OUT_FOR_DELIVERY: "OrderInTransit",
    lifecycle.DELIVERED: "OrderDelivered",
    lifecycle.CANCELLED: "OrderCancelled",
    lifecycle.FAILED: "OrderProblem",
    lifecycle.REFUNDED: "OrderReturned",
}


def order(placed: Order, track: Mapping[str, Any]) -> dict[str, Any]:
    """Without names and addresses: those are on the page for people."""
    return {
        "@context": SCHEMA,
        "@type": "Order",
        "orderNumber": placed.number,
        "orderStatus": f"{SCHEMA}/{STATUSES[placed.status]}",
        "orderDate": placed.placed_at.isoformat(),
        "url": f"{settings.MUSEO_PUBLIC_URL}/orders/{placed.number}",
        **price({"amount": placed.total, "currency": placed.currency}),
        "merchant": {"@type": "Organization", "name": current().name},
        "orderDelivery": {"@type": "ParcelDelivery", "expectedArrivalUntil": track["eta"]},
    }
