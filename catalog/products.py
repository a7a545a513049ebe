"""Products as shoppers see them: lists, details and the tree of categories.

Every function takes a fixed number of queries, whatever it lists. Pages go on from a cursor, which
holds the last row's place in the order; nothing is counted and no row is skipped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from django.db.models import (
    CharField,
    DateTimeField,
    Exists,
    OuterRef,
    QuerySet,
    Subquery,
)
from django.utils.translation import gettext as _

from catalog import cards, cursors, prices
from catalog.compiled import Compiled, OneOf, Slot
from catalog.models import Category, Master, Price, Variant
from catalog.search import finding
from catalog.search.browsing import MOST_SHELVES, Browse
from catalog.search.candidates import Filters
from catalog.search.interpretation import interpretation
from catalog.search.reading import Reading
from museo.access.callers import supported_locale
from museo.access.problems import Invalid, NotFound, field_error
from museo.access.tokens import as_name

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
# what the search index knows of
SEARCHED = {sort: SORTS[sort] for sort in ("newest", "price", "-price")}
NOW = Slot("now", DateTimeField())


def sorts(query: str) -> Mapping[str, tuple[str, ...]]:
    """Those that can be asked for with these words, or without any."""
    return SEARCHED if query.strip() else SORTS


class UnknownProduct(NotFound):
    code = "unknown_product"


class UnknownCategory(NotFound):
    code = "unknown_category"


@dataclass(frozen=True)
class Page:
    """`results` in CONTRACT's shape; `next_cursor` is empty at the end.

    Only a search has other queries to try, and how many of what it found are of each category,
    brand, kind and price.
    """

    results: list[dict[str, Any]]
    next_cursor: str
    interpretation: dict[str, Any]
    suggestions: list[str] = field(default_factory=list)
    facets: dict[str, Any] = field(default_factory=dict)
    # whether the words were taken for more than words, or for other words
    is_interpreted: bool = False


def listing(
    *,
    locale: str,
    now: datetime,
    query: str = "",
    is_plain: bool = False,
    category: str = "",
    price_min: int | None = None,
    price_max: int | None = None,
    in_stock: bool = False,
    brand: str = "",
    kind: str = "",
    colour: str = "",
    sort: str = "",
    limit: int = 20,
    cursor: str = "",
) -> Page:
    """The products on sale that match, best or newest first.

    A query is read as what a shopper wants ("red mugs under €20"), or with `is_plain` as words
    only. Prices are in minor units; only searches are narrowed by colour. Raises UnknownCategory,
    BadCursor, and Invalid for an unknown sort.
    """
    locale = supported_locale(locale)
    order = _order(sort, sorts(query)) if sort else None
    limit = max(1, min(limit, LARGEST_PAGE))
    shelves = _shelves(category) if category else []
    filters = Filters(
        category=shelves[0] if shelves else None,
        price_min=price_min,
        price_max=price_max,
        in_stock=in_stock,
        # PostgreSQL refuses to look for a null character
        brand=brand.replace("\x00", ""),
        kind=kind.replace("\x00", ""),
        colour=colour,
    )
    listed = cursors.of(
        "products",
        query=query.strip(),
        is_plain=is_plain,
        **{**vars(filters), "category": category},
    )
    if query.strip():
        found = finding.find(
            query,
            locale=locale,
            now=now,
            filters=filters,
            order=order,
            sorts=SEARCHED,
            is_plain=is_plain,
            limit=limit,
            cursor=cursor,
            listed=listed,
        )
        return Page(
            results=_cards(found.ids, locale=locale, now=now),
            next_cursor=found.next_cursor,
            interpretation=found.interpretation,
            suggestions=found.suggestions,
            facets=found.facets,
            is_interpreted=found.is_interpreted,
        )
    order = order or SORTS["newest"]
    return _browse(
        filters,
        shelves,
        order,
        locale=locale,
        now=now,
        limit=limit,
        cursor=cursor,
        listed=listed,
    )


def _browse(
    filters: Filters,
    shelves: Sequence[Category],
    order: tuple[str, ...],
    *,
    locale: str,
    now: datetime,
    limit: int,
    cursor: str,
    listed: str,
) -> Page:
    place = cursors.place(cursor, order, listed) if cursor else {}
    if filters == Filters() and order == SORTS["newest"]:
        newest = _newest(next(size for size in SIZES if limit <= size), goes_on=bool(cursor))
        found = newest.rows(**cards.slots(locale=locale, now=now), **place)[: limit + 1]
        results = cards.cards(found[:limit])
    else:
        found = Browse(filters, shelves, order, place, locale, now).rows(limit + 1)
        results = _cards([row["pk"] for row in found[:limit]], locale=locale, now=now)
    page = found[:limit]
    return Page(
        results=results,
        next_cursor=cursors.at(page[-1], order, listed) if len(found) > limit else "",
        interpretation=interpretation(Reading((), locale), query="", locale=locale),
    )


def detail(key: str, *, locale: str, now: datetime) -> dict[str, Any]:
    """One product by public id, slug or SKU, with its variants; raise UnknownProduct."""
    locale = supported_locale(locale)
    rows = ONE.rows(key=as_name(key), **cards.slots(locale=locale, now=now))
    shown = cards.whole(rows[0], locale=locale) if rows else None
    if shown is None:
        raise _unknown()
    return shown


def find(key: str, *, now: datetime) -> Master:
    """What is on sale under a public id, slug or SKU; raise UnknownProduct."""
    master = _called(as_name(key), now).first()
    if master is None:
        raise _unknown()
    return master  # type: ignore[no-any-return]


def _called(key: Any, now: Any) -> Any:
    # a union, because each of the three has an index, and their alternative has none
    wanted = Master.objects.filter(public_id=key).values("pk").order_by()
    by_slug = Master.objects.filter(slug=key, deleted_at=None).values("pk").order_by()
    by_sku = Variant.objects.filter(sku=key, is_active=True).values("master")
    return _published(now).filter(pk__in=wanted.union(by_slug, by_sku)).order_by("pk")


ONE = Compiled(lambda: cards.rows_of_one(_called(Slot("key", CharField()), NOW)))


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


def _cards(ids: Sequence[int], *, locale: str, now: datetime) -> list[dict[str, Any]]:
    """The cards of these products, in their order."""
    found = {row["pk"]: row for row in SOME.rows(ids=ids, **cards.slots(locale=locale, now=now))}
    return cards.cards(found[pk] for pk in ids if pk in found)


SOME = Compiled(lambda: cards.rows(_published(NOW).filter(OneOf("pk", "ids"))))


# of pages for which a query is compiled; of a smaller one the rest is left out
SIZES = (20, 50, LARGEST_PAGE)


@cache
def _newest(limit: int, *, goes_on: bool) -> Compiled:
    """What most people ask for: all products, the newest first."""
    order = SORTS["newest"]
    place = {name.removeprefix("-"): _slot(name.removeprefix("-")) for name in order}
    priced = Exists(_valid(NOW, Slot("currency", CharField())))
    return Compiled(
        lambda: cards.rows(
            _in_order(_published(NOW).filter(priced), order, place if goes_on else {}),
            "published_at",
        )[: limit + 1]
    )


def _slot(name: str) -> Slot:
    field = Master._meta.pk if name == "pk" else Master._meta.get_field(name)
    return Slot(name, field)


def _in_order(masters: Any, order: tuple[str, ...], place: Mapping[str, Any]) -> Any:
    """From a place on."""
    if order == SORTS["newest"]:
        # what has no date has no place among the newest
        masters = masters.exclude(published_at=None)
    if place:
        masters = masters.filter(cursors.beyond(place, order))
    return masters.order_by(*order)


def _published(now: datetime | Slot) -> Any:
    return Master.objects.on_sale().exclude(published_at__gt=now)


def _valid(now: Slot, currency: Slot) -> QuerySet[Price]:
    """The prices that hold of the outer master."""
    return prices.holding(now).filter(
        variant__master=OuterRef("pk"),
        variant__is_active=True,
        currency=currency,
        sales_channel=prices.WEB,
    )


def _shelves(slug: str) -> Sequence[Category]:
    """The category and those below it, closed ones, too; raise UnknownCategory."""
    top = Category.objects.active().filter(slug=as_name(slug)).order_by()
    found: Sequence[Category] = Category.objects.filter(
        path__startswith=Subquery(top.values("path")[:1])
    )[: MOST_SHELVES + 1]
    if not found:
        raise UnknownCategory(_("There is no such category. Look at the list of categories."))
    return found


def _order(sort: str, sorts: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if sort not in sorts:
        detail = _("Sort by one of: %(sorts)s.") % {"sorts": ", ".join(sorts)}
        raise Invalid(detail, errors=[field_error("/sort", "invalid_choice", detail)])
    return sorts[sort]
