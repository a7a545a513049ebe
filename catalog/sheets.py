"""Products as staff see them: all there is, in REST's shape, in a fixed number of queries."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from catalog import cards, cursors, masters, purchases, shop
from catalog.models import Master, Price, StockItem, Variant
from museo.access.callers import Caller
from museo.access.tokens import as_name

LARGEST_PAGE = 100
NEWEST = ("-pk",)


@dataclass(frozen=True)
class Sheets:
    """A page of products; `next_cursor` is empty at the end."""

    results: list[dict[str, Any]]
    next_cursor: str


def listing(
    caller: Caller,
    *,
    status: str = "",
    is_deleted: bool = False,
    sku: str = "",
    limit: int = 20,
    cursor: str = "",
) -> Sheets:
    """The products, newest first, drafts too; raise NotAllowed and BadCursor."""
    masters.require(caller, "view")
    listed = cursors.of("masters", status=status, is_deleted=is_deleted, sku=sku)
    rows = Master.objects.filter(deleted_at__isnull=not is_deleted)
    if status:
        rows = rows.filter(status=as_name(status))
    if sku:
        sold_as = Variant.objects.filter(sku=as_name(sku), master=OuterRef("pk"))
        rows = rows.filter(Exists(sold_as))
    limit = max(1, min(limit, LARGEST_PAGE))
    page, further = cursors.page(_with_parts(rows), NEWEST, listed, limit=limit, cursor=cursor)
    return Sheets(_sheets(page), further)


def sheet(caller: Caller, key: str) -> dict[str, Any]:
    """One product by its public id, deleted or not; raise UnknownMaster."""
    masters.require(caller, "view")
    return whole(masters.find(key))


def whole(master: Master) -> dict[str, Any]:
    """All about one product, for whoever has just written it."""
    return _sheets(_with_parts(Master.objects.filter(pk=master.pk)))[0]


def _with_parts(rows: QuerySet[Master]) -> QuerySet[Master]:
    return rows.select_related("primary_category", "default_variant").prefetch_related(
        "translations",
        "options__values",
        "modifier_groups__modifiers",
        "variants__option_values__option",
        "media",
    )


def _sheets(rows: Sequence[Master] | QuerySet[Master]) -> list[dict[str, Any]]:
    ids = [variant.pk for master in rows for variant in master.variants.all()]
    shelves = {item.variant_id: item for item in _shelves(ids)}
    costs: dict[int, list[Price]] = {pk: [] for pk in ids}
    for price in Price.objects.filter(variant__in=ids).order_by("valid_from", "pk"):
        costs[price.variant_id].append(price)
    not_carried = purchases.not_carried()
    return [
        {**_sheet(master, shelves, costs), "warnings": purchases.warnings(master, not_carried)}
        for master in rows
    ]


def _shelves(variant_ids: Collection[int]) -> QuerySet[StockItem]:
    return StockItem.objects.filter(variant__in=variant_ids, location="main")


def _sheet(
    master: Master, shelves: dict[int, StockItem], costs: dict[int, list[Price]]
) -> dict[str, Any]:
    variants = sorted(master.variants.all(), key=lambda variant: (variant.position, variant.pk))
    chosen = master.default_variant
    return {
        "id": master.public_id,
        "revision": master.revision,
        "kind": master.kind,
        "slug": master.slug,
        "status": master.status,
        "tax_class": master.tax_class,
        "brand": master.brand,
        "category": master.primary_category.slug,
        "tags": master.tags,
        "attributes": master.attributes,
        "facts": master.facts,
        "published_at": master.published_at,
        "default_sku": chosen.sku if chosen else "",
        "translations": {
            text.language_code: {
                "name": text.name,
                "subtitle": text.subtitle,
                "description": text.description,
            }
            for text in master.translations.all()
        },
        "options": [_option(option) for option in _in_place(master.options.all())],
        "modifier_groups": [_group(group) for group in _in_place(master.modifier_groups.all())],
        "variants": [
            _variant(variant, shelves.get(variant.pk), costs[variant.pk]) for variant in variants
        ],
        "media": [
            {"url": media.address, "alt": media.alt, "alts": media.alts}
            for media in _in_place(master.media.all())
        ],
        "rating": cards.rating(master.rating_sum, master.rating_count),
        "created_at": master.created_at,
        "updated_at": master.updated_at,
        "deleted_at": master.deleted_at,
    }


def _in_place(rows: Any) -> list[Any]:
    return sorted(rows, key=lambda row: (row.position, row.pk))


def _option(option: Any) -> dict[str, Any]:
    return {
        "code": option.code,
        "name": option.name,
        "names": option.names,
        "values": [
            {"code": value.code, "label": value.label, "labels": value.labels}
            for value in _in_place(option.values.all())
        ],
    }


def _group(group: Any) -> dict[str, Any]:
    return {
        "code": group.code,
        "name": group.name,
        "names": group.names,
        "minimum": group.minimum,
        "maximum": group.maximum,
        "modifiers": [
            {
                "code": each.code,
                "name": each.name,
                "names": each.names,
                "price": _money(each.price, shop.currency()),
                "is_active": each.is_active,
            }
            for each in _in_place(group.modifiers.all())
        ],
    }


def _variant(variant: Variant, shelf: StockItem | None, costs: list[Price]) -> dict[str, Any]:
    return {
        "id": variant.public_id,
        "sku": variant.sku,
        "gtin": variant.gtin,
        "is_active": variant.is_active,
        "track_stock": variant.track_stock,
        "max_per_order": variant.max_per_order,
        "prep_seconds": variant.prep_seconds,
        "options": {value.option.code: value.code for value in variant.option_values.all()},
        "prices": [_price(price) for price in costs],
        "stock": shelf_of(variant.sku, shelf),
    }


def shelf_of(sku: str, shelf: StockItem | None) -> dict[str, Any]:
    """What lies on a variant's shelf, of which is promised, and can be had."""
    on_hand, reserved = (shelf.on_hand, shelf.reserved) if shelf else (0, 0)
    backorder = shelf.backorder_limit if shelf else 0
    return {
        "sku": sku,
        "on_hand": on_hand,
        "reserved": reserved,
        "available": max(0, on_hand + backorder - reserved),
    }


def _price(price: Price) -> dict[str, Any]:
    before = price.list_amount
    return {
        "price": _money(price.amount, price.currency),
        "list_price": None if before is None else _money(before, price.currency),
        "sales_channel": price.sales_channel,
        "valid_from": price.valid_from,
        "valid_to": price.valid_to,
    }


def _money(amount: int, currency: str) -> dict[str, Any]:
    return {"amount": amount, "currency": currency}
