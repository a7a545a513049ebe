"""What is told of the catalogue, and who may hear it.

`stock.var_…` tells everybody, and `staff.catalog` staff, that a sold-out variant can be had again
(`stock.back`). `staff.catalog` alone hears what staff did to products (`product.created`,
`product.changed`, `product.deleted`, `product.restored`), and what waits for them
(`review.waiting`, `question.waiting`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_noop

from catalog import shop
from catalog.models import Master, StockItem, Variant
from notifications import log, topics

PREFIX = "stock"
BACK = "stock.back"
MESSAGE = gettext_noop("stock.back.message")
STAFF = "staff.catalog"


def stock_topic(variant: Variant) -> str:
    return f"{PREFIX}.{variant.public_id}"


def tell_back(variant: Variant, *, at: datetime) -> None:
    """A variant was sold out and is no longer."""
    log.current().event(
        stock_topic(variant),
        BACK,
        {"sku": variant.sku, "variant_id": variant.public_id},
        at=at,
        also=[STAFF],
        texts={"message": [MESSAGE, {"product": _names(variant)}]},
    )


def _names(variant: Variant) -> dict[str, str]:
    """By language; in the shop's own for all others."""
    master: Any = variant.master
    names = {each.language_code: each.name for each in master.translations.all() if each.name}
    own = names.get(shop.current().default_language) or next(iter(names.values()), variant.sku)
    return {"": own, **{language: name for language, name in names.items() if name != own}}


def tell_master(master: Master, happened: str, *, fields: Iterable[str] = (), at: datetime) -> None:
    """`happened` is created, changed, deleted or restored; `fields` are names, not values."""
    log.current().event(
        STAFF,
        f"product.{happened}",
        {
            "product_id": master.public_id,
            "revision": master.revision,
            "fields": list(fields),
        },
        at=at,
    )


def tell_waiting(kind: str, public_id: str, master: Master, *, at: datetime) -> None:
    """A review or a question waits for staff."""
    log.current().event(
        STAFF,
        f"{kind}.waiting",
        {f"{kind}_id": public_id, "product_id": master.public_id},
        at=at,
    )


def may_read(wanted: Sequence[topics.Wanted]) -> list[set[str]]:
    """Whoever can see a product may hear of its stock."""
    asked = {name for _caller, names in wanted for name in names}
    known = {stock_topic(variant) for variant in _on_sale(asked)}
    return [set(names) & known for _caller, names in wanted]


def snapshot(names: Collection[str], locale: str) -> Mapping[str, dict[str, Any]]:
    """How many can be had now."""
    variants = list(_on_sale(names))
    free = {
        item.variant_id: item.on_hand + item.backorder_limit - item.reserved
        for item in StockItem.objects.filter(variant__in=variants, location="main")
    }
    return {
        stock_topic(variant): {
            "sku": variant.sku,
            "available": max(0, free.get(variant.pk, 0)) if variant.track_stock else None,
        }
        for variant in variants
    }


def _on_sale(names: Collection[str]) -> Iterable[Variant]:
    ids = [name.removeprefix(f"{PREFIX}.") for name in names]
    masters = Master.objects.on_sale()
    return Variant.objects.filter(public_id__in=ids, is_active=True, master__in=masters)
