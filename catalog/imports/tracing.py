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
        fields[book.variants[sku].product].update([_named(name).format(sku=sku) for name in names])
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
def _named(field: str) -> str:
    """The trail's name of a field, with {sku} where it is one of the variant."""
    name, _colon, more = field.partition(":")
    if name in TEXTS:
        return f"{name}.{more}"
    return NAMES.get(name) or (name if is_of_product(field) else "variants.{sku}")


NAMES = {
    "attribute": "attributes",
    "pictures": "media",
    "price": "variants.{sku}.prices",
    "list_price": "variants.{sku}.prices",
    "stock": "variants.{sku}.on_hand",
    "options": "variants.{sku}.options",
    "option": "variants.{sku}.options",
}
