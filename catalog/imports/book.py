"""The products that a batch of rows is about, as they stand, and what shall become of them.

Everything is read in a fixed number of queries. Rows are planned against this book one after the
other, so a row sees what the rows before it have changed; `writing` then writes what differs.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db.models import Q
from django.utils.text import slugify

from catalog import prices, stock
from catalog.models import (
    Category,
    Master,
    Media,
    OptionValue,
    ProductOption,
    Variant,
)
from catalog.prices import Amounts

TEXTS = ("name", "subtitle", "description")
PLAIN_OF_MASTER = ("kind", "status", "brand", "tags", "attributes")
PLAIN_OF_VARIANT = ("gtin", "is_active", "track_stock", "max_per_order")
Translation: Any = Master._parler_meta.root_model


@dataclass(eq=False)
class Label:
    """A value of an option; `pk` None: it is new."""

    pk: int | None
    code: str
    label: str
    position: int
    is_new: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_new = self.pk is None


@dataclass(eq=False)
class Choice:
    """An option of a product with its values by label."""

    pk: int | None
    code: str
    name: str
    position: int
    labels: dict[str, Label] = field(default_factory=dict)
    is_new: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_new = self.pk is None

    def value(self, label: str) -> Label:
        """The value of this label; made where there is none."""
        if label not in self.labels:
            taken = {each.code for each in self.labels.values()}
            self.labels[label] = Label(None, code_of(label, taken), label, len(self.labels))
        return self.labels[label]


@dataclass(eq=False)
class Product:
    """A master as it is to be."""

    pk: int | None
    slug: str
    # a new one is given its own when it is written
    public_id: str = ""
    is_deleted: bool = False
    revision: int = 0
    category: int | None = None
    published_at: datetime | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    # by language, each a name, a subtitle and a description
    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    choices: dict[str, Choice] = field(default_factory=dict)
    variants: dict[str, Sold] = field(default_factory=dict)
    pictures: list[str] = field(default_factory=list)
    # what has to be written
    touched: set[str] = field(default_factory=set)
    # the languages whose text has to be written
    retold: set[str] = field(default_factory=set)
    # what rows of this file said, and which
    said: dict[str, tuple[Any, int]] = field(default_factory=dict)
    is_gone: bool = False
    is_new: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_new = self.pk is None

    def choice(self, name: str) -> Choice:
        """The option of this name; made where there is none."""
        if name not in self.choices:
            taken = {each.code for each in self.choices.values()}
            self.choices[name] = Choice(None, code_of(name, taken), name, len(self.choices))
        return self.choices[name]


@dataclass(eq=False)
class Sold:
    """A variant as it is to be."""

    pk: int | None
    sku: str
    product: Product
    position: int = 0
    fields: dict[str, Any] = field(default_factory=dict)
    # name of the option: label
    options: dict[str, str] = field(default_factory=dict)
    prices: dict[str, Amounts] = field(default_factory=dict)
    shelf: stock.Shelf | None = None
    on_hand: int | None = None
    touched: set[str] = field(default_factory=set)
    # the currencies in which the price has to be written
    repriced: set[str] = field(default_factory=set)
    is_gone: bool = False
    is_new: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_new = self.pk is None


@dataclass(eq=False)
class Book:
    variants: dict[str, Sold]
    # living ones, by slug
    products: dict[str, Product]
    # everything that was read or made
    all: list[Product]

    def close(self) -> None:
        """Let its products go with it, which their variants would hold otherwise."""
        for product in self.all:
            product.variants.clear()


NEW_MASTER = {
    "kind": Master.Kind.PHYSICAL.value,
    "status": Master.Status.ACTIVE.value,
    "brand": "",
    "tags": [],
    "attributes": {},
}
NEW_VARIANT = {"gtin": "", "is_active": True, "track_stock": True, "max_per_order": None}


def code_of(text: str, taken: Collection[str]) -> str:
    """A code for an option or a value: from its letters, else from its digest."""
    code = _slug(text)
    if not code or code in taken:
        code = f"{code[:28]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}".strip("-")
    return code


@lru_cache(1000)
def _slug(text: str) -> str:
    return slugify(text)[:32]


def open_book(
    skus: Collection[str],
    slugs: Collection[str],
    *,
    currencies: Collection[str],
    is_locked: bool,
    now: datetime,
) -> Book:
    """The products of these SKUs and slugs.

    If they may be written they are locked as everywhere: stock rows by id, then masters by id.
    """
    of_skus = dict(Variant.objects.filter(sku__among=skus).values_list("pk", "master_id"))
    shelves = stock.shelves(of_skus, locked=is_locked)
    masters = Master.objects.filter(
        Q(slug__among=slugs, deleted_at=None) | Q(pk__among=set(of_skus.values()))
    ).order_by("pk")
    if is_locked:
        masters = masters.select_for_update(no_key=True)
    by_pk = {product.pk: product for product in map(_product, masters.values(*_OF_MASTER))}
    if not by_pk:
        return Book({}, {}, [])
    _read_texts(by_pk)
    _read_pictures(by_pk)
    variants = _read_variants(by_pk)
    _read_options(by_pk, variants)
    by_id = {sold.pk: sold for sku in skus if (sold := variants.get(sku)) and sold.pk}
    # made since their SKUs were looked for
    if late := by_id.keys() - of_skus:
        shelves |= stock.shelves(late, locked=is_locked)
    for pk, currency, amounts in prices.amounts(by_id, currencies=currencies, now=now):
        by_id[pk].prices[currency] = amounts
    for pk, sold in by_id.items():
        if shelf := shelves.get(pk):
            sold.shelf, sold.on_hand = shelf, shelf.on_hand
    living = (product for product in by_pk.values() if not product.is_deleted)
    return Book(variants, {product.slug: product for product in living}, [*by_pk.values()])


_OF_MASTER = (
    "pk",
    "public_id",
    "slug",
    "deleted_at",
    "revision",
    "primary_category_id",
    "published_at",
    *PLAIN_OF_MASTER,
)


def _product(row: Mapping[str, Any]) -> Product:
    return Product(
        pk=row["pk"],
        slug=row["slug"],
        public_id=row["public_id"],
        is_deleted=row["deleted_at"] is not None,
        revision=row["revision"],
        category=row["primary_category_id"],
        published_at=row["published_at"],
        fields={name: row[name] for name in PLAIN_OF_MASTER},
    )


def _read_texts(products: Mapping[Any, Product]) -> None:
    rows = Translation.objects.filter(master_id__among=products)
    for pk, language, *texts in rows.values_list("master_id", "language_code", *TEXTS):
        products[pk].texts[language] = dict(zip(TEXTS, texts, strict=True))


def _read_pictures(products: Mapping[Any, Product]) -> None:
    rows = Media.objects.filter(master_id__among=products).order_by("position")
    for media in rows:
        products[media.master_id].pictures.append(media.address)


def _read_variants(products: Mapping[Any, Product]) -> dict[str, Sold]:
    found = {}
    rows = Variant.objects.filter(master_id__among=products).order_by("pk")
    for pk, of, sku, position, *values in rows.values_list(
        "pk", "master_id", "sku", "position", *PLAIN_OF_VARIANT
    ):
        fields = dict(zip(PLAIN_OF_VARIANT, values, strict=True))
        sold = Sold(pk, sku, products[of], position, fields)
        products[of].variants[sku] = found[sku] = sold
    return found


def _read_options(products: Mapping[Any, Product], variants: Mapping[str, Sold]) -> None:
    choices = {}
    options = ProductOption.objects.filter(master_id__among=products).order_by("position", "pk")
    for pk, of, code, name, position in options.values_list(
        "pk", "master_id", "code", "name", "position"
    ):
        choices[pk] = products[of].choices[name] = Choice(pk, code, name, position)
    names: dict[int, tuple[str, str]] = {}
    values = OptionValue.objects.filter(option_id__among=choices).order_by("position", "pk")
    for pk, option_id, code, label, position in values.values_list(
        "pk", "option_id", "code", "label", "position"
    ):
        choices[option_id].labels[label] = Label(pk, code, label, position)
        names[pk] = (choices[option_id].name, label)
    by_pk = {sold.pk: sold for sold in variants.values() if sold.pk}
    links = Variant.option_values.through.objects.filter(variant_id__among=by_pk)
    for variant_id, value_id in links.values_list("variant_id", "optionvalue_id"):
        name, label = names[value_id]
        by_pk[variant_id].options[name] = label


# categories


class Categories:
    """Categories by every way of naming one: slug, path of slugs, name, path of names."""

    def __init__(self) -> None:
        rows = list(Category.objects.order_by("path").values_list("pk", "path", "slug"))
        names: dict[int, dict[str, str]] = defaultdict(dict)
        texts = list(
            Category._parler_meta.root_model.objects.order_by("pk").values_list(
                "master_id", "language_code", "name"
            )
        )
        # all that they are found by
        self.known = (rows, texts)
        for pk, language, name in texts:
            names[pk][language] = _folded(name)
        self.slugs: dict[int, str] = {pk: slug for pk, _path, slug in rows}
        self.by_slug = {slug: pk for pk, slug in self.slugs.items()}
        self._found: dict[str, set[int]] = defaultdict(set)
        # the whole path in each language, and in slugs
        spoken = ["", *{language for each in names.values() for language in each}]
        paths: dict[str, dict[str, str]] = {}
        for pk, path, slug in rows:
            above = paths.get(path[: -Category.steplen])
            own = {language: names[pk].get(language, slug) for language in spoken}
            paths[path] = {
                language: f"{above[language]}>{name}" if above else name
                for language, name in own.items()
            }
            for way in {*own.values(), *paths[path].values()}:
                self._found[way].add(pk)

    def find(self, text: str) -> set[int]:
        """All that are called this: `clay`, `Rooms > Clay`, `rooms/clay`."""
        if known := self.by_slug.get(text):
            return {known}
        ways = (">".join(map(_folded, text.split(sign))) for sign in (">", "/"))
        return next((self._found[way] for way in ways if way in self._found), set())


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())
