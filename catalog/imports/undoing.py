"""Takes back what the rows of an import did, where nobody has changed it since.

Rows are taken back in the reverse of their order, so a product's first row, which made it, comes
last.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from catalog import purchases
from catalog.imports.book import Book, Product, Sold, open_book
from catalog.imports.models import ImportRow
from catalog.imports.planning import CREATED, assign, value_of
from catalog.models import Master, Variant
from catalog.search import index


def take_back(
    rows: Sequence[ImportRow], *, now: datetime
) -> tuple[dict[int, bool], Book, list[Sold]]:
    """By row id whether it could be taken back; the book to be written, and what is to go."""
    book = open_book(
        {row.sku for row in rows},
        (),
        currencies=sorted(_currencies(rows)),
        is_locked=True,
        now=now,
    )
    ordered = purchases.ordered([sold.pk for sold in book.variants.values() if sold.pk])
    gone: list[Sold] = []
    done = {}
    for row in rows:
        sold = book.variants.get(row.sku)
        if sold is None or not (_is_as_left(row, sold) and _has_room(row, sold)):
            done[row.pk] = False
        elif CREATED in row.changes:
            done[row.pk] = _can_go(row, sold, ordered)
            if done[row.pk]:
                sold.is_gone = True
                gone.append(sold)
        else:
            for field, (old, _new) in row.changes.items():
                assign(sold, sold.product, field, old)
            done[row.pk] = True
    return done, book, gone


def remove(gone: Collection[Sold], *, now: datetime) -> None:
    """Delete the variants, and the products that have none left."""
    Variant.objects.filter(pk__in=[sold.pk for sold in gone]).delete()
    empty = [sold.product.pk for sold in gone if _is_empty(sold.product)]
    if empty:
        Master.objects.filter(pk__in=empty, variants=None).delete()
    index.refresh({sold.product.pk for sold in gone if sold.product.pk}, now=now)


def _currencies(rows: Sequence[ImportRow]) -> set[str]:
    return {
        field.partition(":")[2]
        for row in rows
        for field in row.changes
        if field.startswith(("price:", "list_price:"))
    }


def _is_as_left(row: ImportRow, sold: Sold) -> bool:
    return all(
        value_of(sold, sold.product, field) == new
        for field, (_old, new) in row.changes.items()
        if field != CREATED
    )


def _has_room(row: ImportRow, sold: Sold) -> bool:
    """Whether the shelf could hold what it held, with what is promised by now."""
    before, _after = row.changes.get("stock", (None, None))
    return before is None or sold.shelf is None or sold.shelf.can_hold(before)


def _can_go(row: ImportRow, sold: Sold, ordered: Collection[int]) -> bool:
    if sold.pk in ordered:
        return False
    made_product = row.changes[CREATED][1] == "product"
    others = (each for each in sold.product.variants.values() if each is not sold)
    return not made_product or all(each.is_gone for each in others)


def _is_empty(product: Product) -> bool:
    return all(sold.is_gone for sold in product.variants.values())
