"""What a variant costs now."""

from collections.abc import Collection
from datetime import datetime

from django.conf import settings
from django.db.models import Q, QuerySet

from catalog.models import Price, Variant


def valid(*, currency: str, now: datetime) -> QuerySet[Price]:
    """The prices that shoppers of the web may see now."""
    return Price.objects.filter(
        Q(valid_to=None) | Q(valid_to__gt=now),
        currency=currency,
        sales_channel="web",
        valid_from__lte=now,
    )


def current(variant_ids: Collection[int], *, currency: str, now: datetime) -> dict[int, Price]:
    """The price of each variant that has one; of several the one that began last."""
    found = valid(currency=currency, now=now).filter(variant_id__in=variant_ids)
    return {price.variant_id: price for price in found.order_by("valid_from")}


def set_price(variant: Variant, *, amount: int, list_amount: int | None, now: datetime) -> None:
    """Change the price that the variant has now in the shop's currency; minor units."""
    currency = settings.SHOP_CURRENCY
    price = current([variant.pk], currency=currency, now=now).get(variant.pk)
    price = price or Price(variant=variant, currency=currency)
    price.amount, price.list_amount = amount, list_amount
    price.save()
