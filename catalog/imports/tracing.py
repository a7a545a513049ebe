"""The trail of an import: one row for each product that it wrote, under who began the import.

Fields are named as an edit by hand would name them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from catalog.imports.book import TEXTS, Book, Product
from catalog.imports.models import ImportRow
from catalog.imports.planning import Plan, is_of_product
from museo.access import trail


def leave(who: str, plans: Iterable[Plan], book: Book, *, at: datetime) -> None:
    """Note what these plans have changed."""
    _leave(who, [(plan.row.sku, plan.changes) for plan in plans if plan.changes], book, at)


def leave_undone(who: str, rows: Iterable[ImportRow], book: Book, *, at: datetime) -> None:
    """Note that what these rows had changed was taken back."""
    _leave(who, [(row.sku, row.changes) for row in rows], book, at)


def _leave(
    who: str, changed: Iterable[tuple[str, Iterable[str]]], book: Book, at: datetime
) -> None:
    fields: dict[Product, set[str]] = defaultdict(set)
    for sku, names in changed:
        of_product, of_variant = _named(tuple(names))
        noted = fields[book.variants[sku].product]
        noted.update(of_product, [f"variants.{sku}{name}" for name in of_variant])
    trail.leave_each(
        who,
        [(_happened(product), product.public_id, sorted(fields[product])) for product in fields],
        at=at,
    )


def _happened(product: Product) -> str:
    if product.is_new:
        return "product.created"
    has_variants = any(not sold.is_gone for sold in product.variants.values())
    return "product.changed" if has_variants else "product.deleted"


@lru_cache(1000)
def _named(fields: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """The trail's names of fields of the product, and of the variant behind its SKU."""
    of_product = [_of_product(field) for field in fields if is_of_product(field)]
    others = [field.partition(":")[0] for field in fields if not is_of_product(field)]
    return frozenset(of_product), frozenset(OF_VARIANT.get(name, "") for name in others)


def _of_product(field: str) -> str:
    name, _colon, more = field.partition(":")
    return f"{name}.{more}" if name in TEXTS else NAMES.get(name, name)


NAMES = {"attribute": "attributes", "pictures": "media"}
OF_VARIANT = {
    "price": ".prices",
    "list_price": ".prices",
    "stock": ".on_hand",
    "options": ".options",
    "option": ".options",
}
