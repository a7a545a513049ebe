"""Writes what a book's products are to be: as many statements for a thousand rows as for one.

It runs in the caller's transaction. Rows that refer to each other are given their ids first, so
that everything can be inserted at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.db import models

from catalog import prices, stock
from catalog.imports.book import (
    PLAIN_OF_MASTER,
    PLAIN_OF_VARIANT,
    TEXTS,
    Book,
    Product,
    Sold,
    Translation,
)
from catalog.models import (
    ALWAYS,
    Master,
    Media,
    OptionValue,
    ProductOption,
    Variant,
)
from catalog.prices import Offer
from catalog.search import documents, index
from catalog.stock import Count
from museo import bulk
from museo.access.tokens import public_ids

# what an editor of the product does not see in its form as text that it would overwrite
UNSEEN = {"stock"}
_plain_of_master = itemgetter(*PLAIN_OF_MASTER)
_plain_of_variant = itemgetter(*PLAIN_OF_VARIANT)


def write(book: Book, *, by: str, now: datetime) -> None:
    """Write what differs, the stock as counted `by`; products in the order of their slugs."""
    products = sorted(book.all, key=lambda product: product.slug)
    variants = [sold for product in products for sold in product.variants.values()]
    new = [product for product in products if product.is_new]
    edited = [product for product in products if _is_touched(product) and not product.is_new]
    # what asks the database comes first: it would wait for all that is written before it
    _number_all(new, products, variants)
    around = documents.Around.read()
    _receive_stock(variants, by=by, now=now)
    _insert_masters(new, now=now)
    _update_masters(edited, now=now)
    _write_texts(products)
    _write_options(products)
    _write_variants(variants)
    _write_links(variants)
    _write_prices(variants, now=now)
    _count_stock(variants, by=by, now=now)
    _write_pictures(products)
    bulk.check_references()
    retold = [product for product in edited if _is_rewritten(product)]
    index.refresh(
        [product.pk for product in retold if product.pk], now=now, new=_written(new, around)
    )
    index.reprice([product.pk for product in edited if product.pk], now=now)


def _insert(
    model: type[models.Model],
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    **alike: Any,
) -> None:
    """Insert rows of the values of `names`; the other fields have what a new row has."""
    rest = {
        field.attname: field.get_default()
        for field in model._meta.concrete_fields
        if not (field.attname in names or field.primary_key)
    }
    bulk.insert(model, names, rows, alike=rest | alike)


def _number(model: type[models.Model], rows: Sequence[Any]) -> None:
    if rows:
        for row, pk in zip(rows, bulk.take_ids(model, len(rows)), strict=True):
            row.pk = pk


def _number_all(
    new: Sequence[Product], products: Sequence[Product], variants: Sequence[Sold]
) -> None:
    _number(Master, new)
    for product, public_id in zip(new, public_ids("prd", len(new)), strict=True):
        product.public_id = public_id
    _number(Variant, [sold for sold in variants if sold.is_new])
    choices = [choice for product in products for choice in product.choices.values()]
    _number(ProductOption, [choice for choice in choices if choice.is_new])
    labels = [label for choice in choices for label in choice.labels.values()]
    _number(OptionValue, [label for label in labels if label.is_new])


def _is_touched(product: Product) -> bool:
    """Whether somebody who has the product's form open must be told."""
    return _is_rewritten(product) or any(sold.repriced for sold in product.variants.values())


def _is_rewritten(product: Product) -> bool:
    """Whether more than prices and stock is new."""
    return bool(
        product.touched
        or product.retold
        or any(sold.touched - UNSEEN for sold in product.variants.values())
    )


def _written(new: Sequence[Product], around: documents.Around) -> documents.Written:
    """What the index has to know of new products: nobody else has written about them."""
    on_sale = [product for product in new if product.fields["status"] == Master.Status.ACTIVE]
    variants = [
        sold
        for product in on_sale
        for sold in product.variants.values()
        if sold.fields["is_active"]
    ]
    return documents.Written(
        [
            documents.Product(
                pk=product.pk or 0,
                slug=product.slug,
                brand=product.fields["brand"],
                kind=product.fields["kind"],
                tags=product.fields["tags"],
                attributes=product.fields["attributes"],
                facts={},
                primary_category_id=product.category or 0,
                published_at=product.published_at,
                revision=1,
            )
            for product in on_sale
        ],
        [
            (product.pk or 0, language, text["name"], text["subtitle"], text["description"])
            for product in on_sale
            for language, text in product.texts.items()
            if text["name"]
        ],
        [(sold.pk or 0, sold.product.pk or 0, sold.sku, sold.fields["gtin"]) for sold in variants],
        [(sold.pk or 0, label, {}) for sold in variants for label in sold.options.values()],
        [
            (sold.product.pk or 0, amounts.amount, ALWAYS, None)
            for sold in variants
            if (amounts := sold.prices.get(around.currency))
        ],
        around,
    )


# masters


def _insert_masters(new: Sequence[Product], *, now: datetime) -> None:
    _insert(
        Master,
        (
            *("id", "public_id", "slug", "primary_category_id", "published_at"),
            *("default_variant_id", *PLAIN_OF_MASTER),
        ),
        [
            (
                product.pk,
                product.public_id,
                product.slug,
                product.category,
                product.published_at,
                next(iter(product.variants.values())).pk,
                *_plain_of_master(product.fields),
            )
            for product in new
        ],
        created_at=now,
        updated_at=now,
    )


def _update_masters(edited: Sequence[Product], *, now: datetime) -> None:
    bulk.update(
        Master,
        ["primary_category_id", "published_at", "revision", "updated_at", *PLAIN_OF_MASTER],
        [
            (
                product.pk,
                product.category,
                product.published_at,
                product.revision + 1,
                now,
                *_plain_of_master(product.fields),
            )
            for product in edited
        ],
    )


def _write_texts(products: Sequence[Product]) -> None:
    """Texts are replaced as a whole; a language without a name has none."""
    retold = [(product, language) for product in products for language in sorted(product.retold)]
    old = {product.pk for product, _language in retold if not product.is_new}
    if old:
        languages = {language for _product, language in retold}
        keys = {(product.pk, language) for product, language in retold}
        rows = Translation.objects.filter(master_id__among=old, language_code__in=languages)
        gone = [
            pk
            for pk, *key in rows.values_list("pk", "master_id", "language_code")
            if tuple(key) in keys
        ]
        Translation.objects.filter(pk__among=gone).delete()
    _insert(
        Translation,
        ("master_id", "language_code", *TEXTS),
        [
            (product.pk, language, *product.texts[language].values())
            for product, language in retold
            if product.texts[language]["name"]
        ],
    )


# options


def _write_options(products: Iterable[Product]) -> None:
    choices = [(product, choice) for product in products for choice in product.choices.values()]
    _insert(
        ProductOption,
        ("id", "master_id", "code", "name", "position"),
        [
            (choice.pk, product.pk, choice.code, choice.name, choice.position)
            for product, choice in choices
            if choice.is_new
        ],
    )
    _insert(
        OptionValue,
        ("id", "option_id", "code", "label", "position"),
        [
            (label.pk, choice.pk, label.code, label.label, label.position)
            for _product, choice in choices
            for label in choice.labels.values()
            if label.is_new
        ],
    )


def _value_ids(sold: Sold) -> list[int]:
    """The ids of its option values, sorted."""
    choices = sold.product.choices
    return sorted([choices[name].labels[label].pk or 0 for name, label in sold.options.items()])


def _option_key(sold: Sold) -> str:
    return "-".join(map(str, _value_ids(sold)))


# variants


def _write_variants(variants: Sequence[Sold]) -> None:
    """New ones in the order of their SKUs: who makes the same ones waits in one order."""
    new = sorted((sold for sold in variants if sold.is_new), key=lambda sold: sold.sku)
    edited = [sold for sold in variants if sold.touched - UNSEEN and not sold.is_new]
    chosen = [sold for sold in edited if "options" in sold.touched]
    # their old keys are given up first, so that variants can exchange options
    bulk.update(Variant, ["option_key"], [(sold.pk, f"parked-{sold.pk}") for sold in chosen])
    _insert(
        Variant,
        (
            *("id", "public_id", "master_id", "sku", "position", "option_key"),
            *PLAIN_OF_VARIANT,
        ),
        [
            (
                sold.pk,
                public_id,
                sold.product.pk,
                sold.sku,
                sold.position,
                _option_key(sold),
                *_plain_of_variant(sold.fields),
            )
            for sold, public_id in zip(new, public_ids("var", len(new)), strict=True)
        ],
    )
    bulk.update(
        Variant,
        ["option_key", *PLAIN_OF_VARIANT],
        [(sold.pk, _option_key(sold), *_plain_of_variant(sold.fields)) for sold in edited],
    )


def _write_links(variants: Sequence[Sold]) -> None:
    through = Variant.option_values.through
    chosen = [sold for sold in variants if "options" in sold.touched]
    old = [sold.pk or 0 for sold in chosen if not sold.is_new]
    if old:
        through.objects.filter(variant_id__among=old).delete()
    bulk.insert(
        through,
        ("variant_id", "optionvalue_id"),
        [(sold.pk, value) for sold in chosen for value in _value_ids(sold)],
    )


def _write_prices(variants: Iterable[Sold], *, now: datetime) -> None:
    offers: list[tuple[int, Offer]] = []
    first: list[tuple[int, Offer]] = []
    ended: dict[str, list[int]] = defaultdict(list)
    for sold in variants:
        for currency in sorted(sold.repriced):
            amounts, pk = sold.prices.get(currency), sold.pk or 0
            if amounts:
                offer = Offer(amounts.amount, currency, amounts.list_amount)
                (first if sold.is_new else offers).append((pk, offer))
            else:
                ended[currency].append(pk)
    prices.begin_prices(first)
    prices.set_prices(offers, now=now)
    for currency, ids in sorted(ended.items()):
        prices.end_prices(ids, currency=currency, now=now)


def _receive_stock(variants: Iterable[Sold], *, by: str, now: datetime) -> None:
    counted = (sold for sold in variants if sold.is_new and "stock" in sold.touched)
    first = {sold.pk or 0: sold.on_hand or 0 for sold in counted}
    stock.receive_all(first, reference=by, at=now)


def _count_stock(variants: Iterable[Sold], *, by: str, now: datetime) -> None:
    counted = (sold for sold in variants if not sold.is_new and "stock" in sold.touched)
    again = {sold.pk or 0: Count(sold.sku, sold.on_hand or 0) for sold in counted}
    stock.count(again, by=by, at=now)


# pictures


def _write_pictures(products: Sequence[Product]) -> None:
    """Pictures that stay keep what is said of them, in their new places."""
    shown = [product for product in products if "pictures" in product.touched]
    if not shown:
        return
    rows = Media.objects.filter(master_id__among=[each.pk for each in shown if not each.is_new])
    known: dict[tuple[int | None, str], Media] = {}
    for row in rows:
        known[row.master_id, row.address] = row
    rows.delete()
    Media.objects.bulk_create(
        _placed(known.get((product.pk, address)), product, address, position)
        for product in shown
        for position, address in enumerate(product.pictures)
    )


def _placed(known: Media | None, product: Product, address: str, position: int) -> Media:
    media = known or _new_picture(address)
    media.pk, media.master_id, media.position = None, product.pk or 0, position
    media._state.adding = True
    return media


def _new_picture(address: str) -> Media:
    """A file of ours by its address, or one that lies elsewhere; nothing is fetched."""
    if address.startswith(settings.MEDIA_URL):
        return Media(file=unquote(address.removeprefix(settings.MEDIA_URL)))
    return Media(url=address)
