"""A variant as a line of a basket or an order shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    CharField,
    DateTimeField,
    Exists,
    F,
    OuterRef,
    Subquery,
)
from django.utils.translation import override

from catalog import cards, names, prices, stock
from catalog.cards import Row
from catalog.compiled import Slot
from catalog.models import Master, StockItem, tax_class_of


@dataclass(frozen=True)
class Description:
    """`image` is a URL or empty; `name` says the options: "iPhone 15, 128 GB, Blue"."""

    sku: str
    slug: str
    name: str
    image: str
    kind: str
    tax_class: str
    master_id: int
    # of its category in the tree, which begins with that of every category above
    category_path: str
    is_on_sale: bool


def columns(variant: str) -> dict[str, Any]:
    """What `describe` reads, to be added to a compiled query whose rows name this variant.

    Beside it `price`, None where there is none, and of its stock `track_stock`, `free` and `shelf`,
    the stock row that it is sold from. The slots are those of `cards.slots`.
    """
    master = f"{variant}__master"
    price = prices.holding(Slot("now", DateTimeField())).filter(
        variant=OuterRef(variant),
        currency=Slot("currency", CharField()),
        sales_channel=prices.WEB,
    )
    free = stock.free().filter(variant=OuterRef(variant))
    shelf = StockItem.objects.filter(variant=OuterRef(variant), location="main")
    return {
        "sku": F(f"{variant}__sku"),
        "is_active": F(f"{variant}__is_active"),
        "track_stock": F(f"{variant}__track_stock"),
        "master_id": F(master),
        "slug": F(f"{master}__slug"),
        "kind": F(f"{master}__kind"),
        "tax_class": F(f"{master}__tax_class"),
        "master_status": F(f"{master}__status"),
        "deleted_at": F(f"{master}__deleted_at"),
        "category_path": F(f"{master}__primary_category__path"),
        "has_options": Exists(cards.LINKS.filter(variant=OuterRef(variant))),
        **cards.texts_of(master, "name"),
        "price": Subquery(price.order_by("-valid_from").values("amount")[:1]),
        "free": Subquery(free.values("free")),
        "shelf": Subquery(shelf.values("pk")),
        **cards.first_picture(master),
    }


def describe(rows: Sequence[Row], *, locale: str) -> list[Description]:
    """The rows' variants in a language; one more query where some have options."""
    several = [row["variant_id"] for row in rows if row["has_options"]]
    if not several:
        return [_description(row, row["name"] or row["slug"]) for row in rows]
    choices = cards.choices_of(several, locale=locale)
    with override(locale):
        return [_description(row, _full_name(row, choices[row["variant_id"]])) for row in rows]


def _full_name(row: Row, choices: Sequence[Row]) -> str:
    options = sorted(choices, key=lambda choice: choice["option_id"])
    return names.with_options(row["name"] or row["slug"], (each["label"] for each in options))


def _description(row: Row, name: str) -> Description:
    on_sale = (Master.Status.ACTIVE, None)
    return Description(
        sku=row["sku"],
        slug=row["slug"],
        name=name,
        image=cards.picture(row),
        kind=row["kind"],
        tax_class=tax_class_of(row["kind"], row["tax_class"]),
        master_id=row["master_id"],
        category_path=row["category_path"],
        is_on_sale=row["is_active"] and (row["master_status"], row["deleted_at"]) == on_sale,
    )
