"""What a variant costs now."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import Q

from catalog.models import Price


def current(variant_ids: Collection[int], *, currency: str, now: datetime) -> dict[int, Price]:
    """The price of each variant that has one; of several the one that began last."""
    valid = Price.objects.filter(
        Q(valid_to=None) | Q(valid_to__gt=now),
        variant_id__in=variant_ids,
        currency=currency,
        sales_channel="web",
        valid_from__lte=now,
    )
    return {price.variant_id: price for price in valid.order_by("valid_from")}
