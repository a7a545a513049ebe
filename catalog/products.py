"""Products as shoppers see them: lists, details and the tree of categories.

Every function takes a fixed number of queries, whatever it lists. Pages go on from a cursor, which
holds the last row's place in the order; nothing is counted and no row is skipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db.models import (
    Case,
    CharField,
    DateTimeField,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    When,
)
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from catalog import cards, cursors, prices, search
from catalog.compiled import Compiled, Slot
from catalog.models import Category, Master, StockItem, Variant
from museo.access.callers import supported_locale
from museo.access.problems import Invalid, NotFound, field_error

LARGEST_PAGE = 100

Tree = list[dict[str, Any]]
# sort: the fields it orders by; "-" is descending
SORTS = {
    "newest": ("-published_at", "-pk"),
    "price": ("price", "pk"),
    "-price": ("-price", "-pk"),
    "rating": ("-stars", "-rating_count", "-pk"),
    "name": ("called", "pk"),
}
BEST_MATCH = ("-rank", "-pk")


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
    locale = supported_locale(locale)
    order = _order(sort, is_search=bool(query.strip()))
    place = cursors.place(cursor, order) if cursor else {}
    limit = max(1, min(limit, LARGEST_PAGE))
    is_priced = price_min is not None or price_max is not None
    is_plain = not (query.strip() or category or in_stock or is_priced)
    if is_plain and order == SORTS["newest"]:
        newest = _newest(limit, settings.SHOP_CURRENCY, goes_on=bool(cursor))
        found = newest.rows(now=now, **place)
    else:
        masters = _narrowed(_priced(_published(now), now), category, price_min, price_max)
        if in_stock:
            masters = masters.filter(Exists(_in_stock(OuterRef("pk"))))
        if query.strip():
            masters = search.matching(masters, query, locale=locale)
        masters = _with_order(masters, order, locale)
        found = list(_page(masters, order, limit, place))
    page = found[:limit]
    return Page(
        results=cards.cards(page, locale=locale, now=now),
        next_cursor=cursors.at(page[-1], order) if len(found) > limit else "",
    )


def detail(key: str, *, locale: str, now: datetime) -> dict[str, Any]:
    """One product by public id, slug or SKU, with its variants; raise UnknownProduct."""
    # PostgreSQL refuses to look for a null character
    rows = ONE.rows(key=key.replace("\x00", ""), now=now)
    shown = rows and cards.whole(rows, locale=supported_locale(locale), now=now)
    if not shown:
        raise _unknown()
    return shown


def find(key: str, *, now: datetime) -> Master:
    """What is on sale under a public id, slug or SKU; raise UnknownProduct."""
    master = _called(key.replace("\x00", ""), now).first()
    if master is None:
        raise _unknown()
    return master  # type: ignore[no-any-return]


def _called(key: Any, now: Any) -> Any:
    sold_as = Variant.objects.filter(sku=key, is_active=True, master=OuterRef("pk"))
    wanted = Q(public_id=key) | Q(slug=key) | Exists(sold_as)
    return _published(now).filter(wanted).order_by("pk")


ONE = Compiled(
    lambda: cards.rows_of_one(_called(Slot("key", CharField()), Slot("now", DateTimeField())))
)


def _unknown() -> UnknownProduct:
    return UnknownProduct(_("There is no such product. Search for it by name."))


def categories(*, locale: str) -> Tree:
    """The tree of rooms: `{"slug", "name", "room", "children"}`; nothing below an inactive one."""
    tree: Tree = []
    nodes = Category.objects.active().order_by("path").values("pk", "path", "slug", "room")
    names = cards.names_of_categories(locale=supported_locale(locale))
    children: dict[str, Tree] = {"": tree}
    for node in nodes:
        siblings = children.get(node["path"][: -Category.steplen])
        if siblings is not None:
            below = children[node["path"]] = []
            name = names.get(node["pk"], node["slug"])
            siblings.append(
                {"slug": node["slug"], "name": name, "room": node["room"], "children": below}
            )
    return tree


# finding


@lru_cache(maxsize=LARGEST_PAGE)
def _newest(limit: int, currency: str, *, goes_on: bool) -> Compiled:
    """What most people ask for: all products, the newest first; `currency` is the shop's."""
    order = SORTS["newest"]
    place = {name.removeprefix("-"): _slot(name.removeprefix("-")) for name in order}
    now = Slot("now", DateTimeField())
    return Compiled(
        lambda: _page(_priced(_published(now), now), order, limit, place if goes_on else {})
    )


def _slot(name: str) -> Slot:
    field = Master._meta.pk if name == "pk" else Master._meta.get_field(name)
    return Slot(name, field)


def _page(masters: Any, order: tuple[str, ...], limit: int, place: Mapping[str, Any]) -> Any:
    """The rows of one page, from a place on, and one more."""
    if order == SORTS["newest"]:
        # what has no date has no place among the newest
        masters = masters.exclude(published_at=None)
    if place:
        masters = masters.filter(cursors.beyond(place, order))
    fields = (name.removeprefix("-") for name in order)
    return cards.rows(masters, *fields).order_by(*order)[: limit + 1]


def _published(now: datetime | Slot) -> Any:
    return Master.objects.on_sale().exclude(published_at__gt=now)


def _priced(masters: Any, now: datetime | Slot) -> Any:
    """Each master with `price`, its lowest; those without one are left out."""
    valid = prices.holding(now).filter(
        variant__master=OuterRef("pk"),
        variant__is_active=True,
        currency=settings.SHOP_CURRENCY,
        sales_channel=prices.WEB,
    )
    lowest = valid.order_by("amount").values("amount")[:1]
    return masters.annotate(price=Subquery(lowest)).exclude(price=None)


def _narrowed(masters: Any, category: str, price_min: int | None, price_max: int | None) -> Any:
    if category:
        masters = masters.below(_category(category))
    if price_min is not None:
        masters = masters.filter(price__gte=price_min)
    if price_max is not None:
        masters = masters.filter(price__lte=price_max)
    return masters


def _in_stock(master: Any) -> QuerySet[Variant]:
    free = StockItem.objects.filter(
        variant=OuterRef("pk"), on_hand__gt=F("reserved") - F("backorder_limit")
    )
    return Variant.objects.filter(
        Q(track_stock=False) | Exists(free), master=master, is_active=True
    )


def _category(slug: str) -> Category:
    found = Category.objects.active().filter(slug=slug.replace("\x00", "")).first()
    if found is None:
        raise UnknownCategory(_("There is no such category. Look at the list of categories."))
    return found  # type: ignore[no-any-return]


def _with_order(masters: Any, order: tuple[str, ...], locale: str) -> Any:
    """With what a list is sorted by, where that is no column."""
    if order == SORTS["rating"]:
        mean = F("rating_sum") * 1000 / F("rating_count")
        rated = Case(When(rating_count__gt=0, then=mean), default=0, output_field=IntegerField())
        return masters.annotate(stars=rated)
    if order == SORTS["name"]:
        names = Master._parler_meta.root_model.objects.filter(master=OuterRef("pk")).values("name")
        ours, theirs = (
            Subquery(names.filter(language_code=language)[:1])
            for language in (locale, settings.LANGUAGE_CODE)
        )
        return masters.annotate(called=Coalesce(ours, theirs, "slug", output_field=CharField()))
    return masters


def _order(sort: str, *, is_search: bool) -> tuple[str, ...]:
    if not sort:
        return BEST_MATCH if is_search else SORTS["newest"]
    if sort not in SORTS:
        detail = _("Sort by one of: %(sorts)s.") % {"sorts": ", ".join(SORTS)}
        raise Invalid(detail, errors=[field_error("/sort", "invalid_choice", detail)])
    return SORTS[sort]
