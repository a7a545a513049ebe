"""What a variant costs now."""

from collections.abc import Collection
from datetime import datetime

from django.conf import settings
from django.db.models import Q

from catalog.models import ALWAYS, Price, Variant


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


def set_price(variant: Variant, *, amount: int, list_amount: int | None, now: datetime) -> None:
    """Change the price that is valid now, in the shop's currency; minor units."""
    valid = current([variant.pk], currency=settings.SHOP_CURRENCY, now=now).get(variant.pk)
    Price.objects.update_or_create(
        variant=variant,
        currency=settings.SHOP_CURRENCY,
        sales_channel="web",
        valid_from=valid.valid_from if valid else _beginning(variant, now),
        defaults={"amount": amount, "list_amount": list_amount},
    )


def _beginning(variant: Variant, now: datetime) -> datetime:
    return now if variant.prices.exists() else ALWAYS
