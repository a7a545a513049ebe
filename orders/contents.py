"""What is in a basket at this moment, with all that its lines show and cost: one query.

And what can be put in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import (
    BigIntegerField,
    CharField,
    DateTimeField,
    Exists,
    F,
    OuterRef,
    QuerySet,
    Subquery,
)

from catalog import cards, modifiers, prices, stock, variants
from catalog.compiled import Compiled, Row, Slot
from catalog.models import Master, Price, Variant
from museo.access.tokens import as_name
from orders import terms
from orders.models import BasketLine, Checkout
from orders.pricing import Line


@dataclass(frozen=True)
class Shelf:
    """Where the units of a line are sold from; `pk` is None where there is no such place."""

    pk: int | None
    # how many can be promised
    free: int


@dataclass(frozen=True)
class Contents:
    """`shelves` are by variant, of those whose units are counted.

    `most` is how many of a variant an order may have, where there is such a limit. `is_bought`: a
    checkout of the basket may still become an order; `stamp` is that of the terms.
    """

    lines: Sequence[Line] = ()
    shelves: Mapping[int, Shelf] = field(default_factory=dict)
    most: Mapping[int, int] = field(default_factory=dict)
    is_bought: bool = False
    stamp: str | None = None

    @property
    def kinds(self) -> set[str]:
        return {line.kind for line in self.lines}

    @property
    def wanted(self) -> dict[int, int]:
        """How many of each variant, whatever is chosen with them."""
        return units((line.variant_id, line.quantity) for line in self.lines)

    @property
    def short(self) -> dict[int, int]:
        """Of which variants fewer are free than are wanted, by id, and how many."""
        return {
            variant_id: self.shelves[variant_id].free
            for variant_id, quantity in self.wanted.items()
            if variant_id in self.shelves and self.shelves[variant_id].free < quantity
        }

    @property
    def above_limit(self) -> list[tuple[Line, int]]:
        """A line of each variant that is above its limit, and that limit."""
        wanted, lines = self.wanted, {line.variant_id: line for line in self.lines}
        return [(lines[pk], most) for pk, most in self.most.items() if wanted[pk] > most]

    @property
    def by_shelf(self) -> dict[int, int]:
        """How many of each stock row are wanted, of those that there are."""
        return {
            shelf.pk: quantity
            for variant_id, quantity in self.wanted.items()
            if (shelf := self.shelves.get(variant_id)) and shelf.pk is not None
        }

    def out_of_stock(self) -> stock.OutOfStock:
        """What to say of the first line of which there is too little."""
        short = self.short
        line = next(line for line in self.lines if line.variant_id in short)
        return stock.OutOfStock(line.sku, short[line.variant_id], name=line.name)


def units(wanted: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Added up by variant."""
    counted: dict[int, int] = defaultdict(int)
    for variant_id, quantity in wanted:
        counted[variant_id] += quantity
    return dict(counted)


def of(basket_id: int, *, locale: str, now: datetime) -> Contents:
    """The lines at the prices of `now`; one that has none any more keeps its old price."""
    rows = LINES.rows(basket=basket_id, **cards.slots(locale=locale, now=now))
    if not rows:
        return Contents()
    described = variants.describe(rows, locale=locale)
    return Contents(
        lines=[_line(row, each, locale) for row, each in zip(rows, described, strict=True)],
        shelves={
            row["variant_id"]: Shelf(row["shelf"], row["free"] or 0)
            for row in rows
            if row["track_stock"]
        },
        most={row["variant_id"]: row["most"] for row in rows if row["most"] is not None},
        is_bought=rows[0]["is_bought"],
        stamp=rows[0]["stamp"],
    )


def _line(row: Row, described: variants.Description, locale: str) -> Line:
    price, menu, codes = row["price"], row["menu"], row["modifiers"]
    chosen = modifiers.chosen(menu, codes, locale=locale)
    can_be_chosen = modifiers.can_be_chosen(menu, codes)
    is_whole = price is not None and can_be_chosen
    facts = dict(vars(described))
    is_on_sale = facts.pop("is_on_sale")
    return Line(
        id=row["pk"],
        variant_id=row["variant_id"],
        quantity=row["quantity"],
        unit_price=(
            price + sum(each.price for each in chosen) if is_whole else row["unit_price_seen"]
        ),
        unit_price_seen=row["unit_price_seen"],
        is_for_sale=is_on_sale and is_whole,
        modifiers=chosen,
        is_outdated=is_on_sale and price is not None and not can_be_chosen,
        **facts,
    )


def _lines() -> QuerySet[BasketLine, Any]:
    bought = Checkout.objects.live().filter(basket=OuterRef("basket"))
    return (
        BasketLine.objects.filter(basket=Slot("basket", BigIntegerField()))
        .order_by("pk")
        .values(
            "pk",
            "variant_id",
            "quantity",
            "unit_price_seen",
            "modifiers",
            most=F("variant__max_per_order"),
            menu=modifiers.of(OuterRef("variant__master")),
            **variants.columns("variant"),
            is_bought=Exists(bought),
            stamp=Subquery(terms.stamps()[:1]),
        )
    )


LINES = Compiled(_lines)


@dataclass(frozen=True)
class ForSale:
    """A variant that can be put into a basket; `free` is None where units are not counted."""

    variant: Variant
    price: int
    free: int | None
    # what may be chosen with it
    menu: Sequence[Row]


def for_sale(sku: str, *, currency: str, now: datetime) -> ForSale | None:
    """What is sold under a SKU; None if nothing is."""
    rows = FOR_SALE.rows(sku=as_name(sku), currency=currency, now=now)
    if not rows:
        return None
    # of several prices the one that began last
    row = rows[-1]
    variant = Variant(
        pk=row["variant_id"],
        sku=row["sold_as"],
        track_stock=row["track_stock"],
        max_per_order=row["max_per_order"],
    )
    free = (row["free"] or 0) if variant.track_stock else None
    return ForSale(variant, row["amount"], free, row["menu"])


def _for_sale() -> QuerySet[Price, Any]:
    free = stock.free().filter(variant=OuterRef("variant"))
    return (
        prices.holding(Slot("now", DateTimeField()))
        .filter(
            currency=Slot("currency", CharField()),
            sales_channel=prices.WEB,
            variant__sku=Slot("sku", CharField()),
            variant__is_active=True,
            variant__master__in=Master.objects.on_sale(),
        )
        .order_by("valid_from")
        .values(
            "amount",
            "variant_id",
            sold_as=F("variant__sku"),
            track_stock=F("variant__track_stock"),
            max_per_order=F("variant__max_per_order"),
            free=Subquery(free.values("free")),
            menu=modifiers.of(OuterRef("variant__master")),
        )
    )


FOR_SALE = Compiled(_for_sale)
