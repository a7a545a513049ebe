"""Products as shoppers see them: lists, details and the tree of categories.

Every function takes a fixed number of queries, whatever it lists. Pages go on from a cursor, which
holds the last row's place in the order; nothing is counted and no row is skipped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.conf import settings
from django.core import signing
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, prefetch_related_objects
from django.utils.translation import gettext as _
from django.utils.translation import override

from catalog import prices, search, stock
from catalog.models import Category, Master, Price, StockItem, Variant
from museo.access.problems import BadCursor, Invalid, NotFound, field_error

LARGEST_PAGE = 100

Tree = list[dict[str, Any]]
# sort: the fields it orders by; "-" is descending
SORTS = {
    "newest": ("-published_at", "-pk"),
    "price": ("price", "pk"),
    "-price": ("-price", "-pk"),
}


class UnknownProduct(NotFound):
    code = "unknown_product"


class UnknownCategory(NotFound):
    code = "unknown_category"


@dataclass(frozen=True)
class Page:
    """`results` in CONTRACT's shape; `next_cursor` is empty at the end."""

    results: list[dict[str, Any]]
    next_cursor: str


def listing(
    *,
    locale: str,
    now: datetime,
    query: str = "",
    category: str = "",
    price_min: int | None = None,
    price_max: int | None = None,
    in_stock: bool = False,
    sort: str = "",
    limit: int = 20,
    cursor: str = "",
) -> Page:
    """The products on sale that match, best or newest first.

    Prices are in minor units. Raises UnknownCategory, BadCursor, and Invalid for an unknown sort.
    """
    masters = _priced(Master.objects.on_sale(), now)
    if category:
        masters = masters.below(_category(category))
    if price_min is not None:
        masters = masters.filter(price__gte=price_min)
    if price_max is not None:
        masters = masters.filter(price__lte=price_max)
    if in_stock:
        masters = masters.filter(Exists(_in_stock(OuterRef("pk"))))
    if query.strip():
        masters = search.matching(masters, query)
    order = _order(sort, is_search=bool(query.strip()))
    if cursor:
        masters = masters.filter(_after(order, cursor))
    limit = max(1, min(limit, LARGEST_PAGE))
    with override(locale):
        found = list(masters.order_by(*order)[: limit + 1])
        page = found[:limit]
        rows = _load(page, now=now)
        return Page(
            results=[_card(rows, master) for master in page],
            next_cursor=_cursor(order, page[-1]) if len(found) > limit else "",
        )


def detail(key: str, *, locale: str, now: datetime) -> dict[str, Any]:
    """One product by public id, slug or SKU, with its variants; raise UnknownProduct."""
    wanted = Q(public_id=key) | Q(slug=key) | Q(variants__sku=key, variants__is_active=True)
    with override(locale):
        master = _priced(Master.objects.on_sale(), now).filter(wanted).distinct().first()
        if master is None:
            raise UnknownProduct(_("There is no such product. Search for it by name."))
        rows = _load([master], now=now)
        return {
            **_card(rows, master),
            "description": _text(master, "description"),
            "kind": master.kind,
            "brand": master.brand,
            "attributes": master.attributes,
            "variants": [rows.variant(variant) for variant in rows.variants(master)],
            "options": _options(master),
            "media": [
                {"url": media.file.url, "alt": media.alt}
                for media in sorted(master.media.all(), key=lambda media: media.position)
            ],
            "questions": [],
            "revision": master.revision,
        }


def categories(*, locale: str) -> Tree:
    """The tree of rooms: `{"slug", "name", "room", "children"}`."""
    tree: Tree = []
    open_at: dict[int, Tree] = {1: tree}
    with override(locale):
        for node in Category.objects.active().prefetch_related("translations").order_by("path"):
            branch: Tree = []
            row = {"slug": node.slug, "name": str(node), "room": node.room, "children": branch}
            open_at[node.depth + 1] = branch
            if node.depth in open_at:
                open_at[node.depth].append(row)
    return tree


# finding


def _priced(masters: Any, now: datetime) -> Any:
    """Each master with `price`, its lowest; those without one are left out."""
    valid = Price.objects.filter(
        Q(valid_to=None) | Q(valid_to__gt=now),
        variant__master=OuterRef("pk"),
        variant__is_active=True,
        currency=settings.SHOP_CURRENCY,
        sales_channel="web",
        valid_from__lte=now,
    )
    lowest = valid.order_by("amount").values("amount")[:1]
    return masters.annotate(price=Subquery(lowest)).exclude(price=None)


def _in_stock(master: Any) -> QuerySet[Variant]:
    free = StockItem.objects.filter(
        variant=OuterRef("pk"), on_hand__gt=F("reserved") - F("backorder_limit")
    )
    return Variant.objects.filter(
        Q(track_stock=False) | Exists(free), master=master, is_active=True
    )


def _category(slug: str) -> Category:
    found = Category.objects.active().filter(slug=slug).first()
    if found is None:
        raise UnknownCategory(_("There is no such category. Look at the list of categories."))
    return found  # type: ignore[no-any-return]


def _order(sort: str, *, is_search: bool) -> tuple[str, ...]:
    if not sort:
        return ("-rank", "-pk") if is_search else SORTS["newest"]
    if sort not in SORTS:
        detail = _("Sort by one of: %(sorts)s.") % {"sorts": ", ".join(SORTS)}
        raise Invalid(detail, errors=[field_error("/sort", "invalid_choice", detail)])
    return SORTS[sort]


# going on from a cursor


def _cursor(order: Collection[str], last: Master) -> str:
    values = [getattr(last, name.lstrip("-")) for name in order]
    return signing.dumps([list(order), orjson.loads(orjson.dumps(values))], salt="cursor")


def _after(order: Collection[str], cursor: str) -> Q:
    """What comes after the cursor's row; raise BadCursor for one of another list."""
    try:
        ordered_by, values = signing.loads(cursor, salt="cursor")
    except signing.BadSignature:
        ordered_by, values = None, []
    if ordered_by != list(order):
        detail = _("This cursor is not of this list. Follow `next`, or leave it out.")
        raise BadCursor(detail, errors=[field_error("/cursor", "bad_cursor", detail)])
    later, same = Q(), Q()
    for name, value in zip(order, values, strict=True):
        field, beyond = name.lstrip("-"), "lt" if name.startswith("-") else "gt"
        later |= same & Q(**{f"{field}__{beyond}": value})
        same &= Q(**{field: value})
    return later


# showing


@dataclass(frozen=True)
class _Rows:
    """What a page of products shows, by variant id."""

    prices: Mapping[int, Price]
    free: Mapping[int, int]

    def variants(self, master: Master) -> list[Variant]:
        """Those that can be bought, in their order."""
        known = (variant for variant in master.variants.all() if variant.is_active)
        return sorted(
            (variant for variant in known if variant.pk in self.prices),
            key=lambda variant: (variant.position, variant.pk),
        )

    def available(self, variant: Variant) -> int | None:
        """Units left; None where they are not counted."""
        return max(self.free.get(variant.pk, 0), 0) if variant.track_stock else None

    def variant(self, variant: Variant) -> dict[str, Any]:
        price = self.prices[variant.pk]
        return {
            "id": variant.public_id,
            "sku": variant.sku,
            "options": {
                value.option.code: value.label
                for value in sorted(variant.option_values.all(), key=lambda value: value.option_id)
            },
            "price": _money(price.amount, price.currency),
            "list_price": _list_price(price),
            "available": self.available(variant),
            "in_stock": self.available(variant) != 0,
            "max_per_order": variant.max_per_order,
        }


def _load(masters: Iterable[Master], *, now: datetime) -> _Rows:
    ids = [variant.pk for master in _prefetched(masters) for variant in master.variants.all()]
    return _Rows(
        prices=prices.current(ids, currency=settings.SHOP_CURRENCY, now=now),
        free=stock.available(ids),
    )


def _prefetched(masters: Iterable[Master]) -> list[Master]:
    masters = list(masters)
    prefetch_related_objects(
        masters,
        "translations",
        "media",
        "primary_category",
        "variants__option_values__option",
    )
    return masters


def _card(rows: _Rows, master: Master) -> dict[str, Any]:
    variants = rows.variants(master)
    default = next(
        (variant for variant in variants if variant.pk == master.default_variant_id), variants[0]
    )
    price = rows.prices[default.pk]
    pictures = sorted(master.media.all(), key=lambda media: media.position)
    return {
        "id": master.public_id,
        "slug": master.slug,
        "name": str(master),
        "subtitle": _text(master, "subtitle"),
        "price": _money(price.amount, price.currency),
        "list_price": _list_price(price),
        "in_stock": any(rows.available(variant) != 0 for variant in variants),
        "available": rows.available(default),
        "image": pictures[0].file.url if pictures else "",
        "category": master.primary_category.slug,
        "room": master.primary_category.room,
        "default_sku": default.sku,
    }


def _options(master: Master) -> list[dict[str, Any]]:
    """What the variants differ in, with the values that occur."""
    found: dict[str, dict[str, Any]] = {}
    for variant in master.variants.all():
        for value in variant.option_values.all():
            option = value.option
            row = found.setdefault(
                option.code,
                {
                    "code": option.code,
                    "name": option.name,
                    "position": option.position,
                    "values": {},
                },
            )
            row["values"][value.code] = (value.position, value.label)
    return [
        {
            "code": row["code"],
            "name": row["name"],
            "values": [
                {"code": code, "label": label}
                for code, (_position, label) in sorted(
                    row["values"].items(), key=lambda entry: entry[1]
                )
            ],
        }
        for row in sorted(found.values(), key=lambda row: row["position"])
    ]


def _text(master: Master, name: str) -> str:
    return str(master.safe_translation_getter(name, "", any_language=True) or "")


def _money(amount: int, currency: str) -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


def _list_price(price: Price) -> dict[str, Any] | None:
    return _money(price.list_amount, price.currency) if price.list_amount else None
