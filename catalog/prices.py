"""What a variant costs now."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db.models import Q

from catalog.models import ALWAYS, Price, Variant
from notifications import bulk


class Amounts(NamedTuple):
    """A price, and the one before it where there was one; minor units."""

    amount: int
    list_amount: int | None = None


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


def set_prices(wanted: Mapping[int, Amounts | None], *, currency: str, now: datetime) -> None:
    """`set_price` for many variants by id; None takes the price that is valid now away."""
    valid = current(wanted, currency=currency, now=now)
    bulk.update(
        Price,
        ["amount", "list_amount"],
        [(valid[pk].pk, *amounts) for pk, amounts in wanted.items() if amounts and pk in valid],
    )
    gone = [valid[pk].pk for pk, amounts in wanted.items() if not amounts and pk in valid]
    if gone:
        Price.objects.filter(pk__in=gone).delete()
    missing = {pk: amounts for pk, amounts in wanted.items() if amounts and pk not in valid}
    had = set(
        Price.objects.filter(variant_id__in=missing).values_list("variant_id", flat=True)
        if missing
        else ()
    )
    bulk.insert(
        Price,
        ("variant_id", "currency", "sales_channel", "amount", "list_amount", "valid_from"),
        [
            (pk, currency, "web", *amounts, now if pk in had else ALWAYS)
            for pk, amounts in missing.items()
        ],
    )
