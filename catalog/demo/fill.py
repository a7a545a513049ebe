"""Fills the shop with the demo catalogue; doing it again brings it up to date.

What staff have changed or deleted since stays theirs, and stock and prices are written once, with
the variant: what has been sold stays sold.
"""

import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q

from catalog.demo import art
from catalog.models import (
    Category,
    Master,
    Media,
    OptionValue,
    Price,
    ProductOption,
    StockItem,
    Variant,
)

LANGUAGES = ("en", "de", "fr")
SHOP = Path(__file__).with_name("shop.toml")


def fill(*, now: datetime) -> int:
    """Write the demo catalogue; return the number of its products."""
    shop = tomllib.loads(SHOP.read_text(encoding="utf-8"))
    with transaction.atomic():
        for row in shop["categories"]:
            _category(row)
        for age, row in enumerate(shop["products"]):
            _master(row, published_at=now - timedelta(minutes=age))
    return len(shop["products"])


def _category(row: Mapping[str, Any]) -> None:
    if Category.objects.filter(slug=row["slug"]).exists():
        return
    category = Category(slug=row["slug"], room=row["room"], name=row["name"][0])
    if "parent" in row:
        parent = Category.objects.get(slug=row["parent"])
        category = Category.objects.add_child(parent, instance=category)
    else:
        category = Category.objects.add_root(instance=category)
    _translate(category, row, "name")


def _master(row: Mapping[str, Any], *, published_at: datetime) -> None:
    known = Master.objects.filter(slug=row["slug"])
    if known.filter(Q(revision__gt=1) | Q(deleted_at__isnull=False)).exists():
        return
    master = known.first() or Master(slug=row["slug"], published_at=published_at)
    master.kind = row.get("kind", Master.Kind.PHYSICAL)
    master.status = Master.Status.ACTIVE
    master.brand = row.get("brand", "")
    master.attributes = row["attributes"]
    master.primary_category = Category.objects.get(slug=row["category"])
    _translate(master, row, "name", "subtitle", "description")
    for position, (options, price) in enumerate(_variants(row)):
        _variant(master, row, options, price=price, position=position)
    _picture(master, row)


def _translate(thing: Any, row: Mapping[str, Any], *names: str) -> None:
    for index, language in enumerate(LANGUAGES):
        thing.set_current_language(language)
        for name in names:
            setattr(thing, name, row[name][index])
    thing.set_current_language(LANGUAGES[0])
    thing.save()


def _variants(row: Mapping[str, Any]) -> Iterator[tuple[dict[str, str], int]]:
    """Each combination of option values with its price: the first option sets it."""
    options = row.get("options", {})
    for values in product(*(labels[1:] for labels in options.values())):
        price = row["prices"][values[0]] if values else row["price"]
        yield dict(zip(options, values, strict=True)), price


def _variant(
    master: Master, row: Mapping[str, Any], options: Mapping[str, str], *, price: int, position: int
) -> None:
    values = [_option_value(master, row, code, label) for code, label in options.items()]
    variant, is_new = Variant.objects.update_or_create(
        sku=_sku(row["slug"], options.values()),
        defaults={
            "master": master,
            "position": position,
            "option_key": "-".join(str(value.pk) for value in sorted(values, key=lambda v: v.pk)),
        },
    )
    variant.option_values.set(values)
    if is_new:
        Price.objects.create(variant=variant, amount=price, list_amount=row.get("list_price"))
        StockItem.objects.create(variant=variant, on_hand=row["stock"])


def _sku(slug: str, labels: Any) -> str:
    """`IPHONE-15-128-BLACK`."""
    return "-".join([slug, *(label.removesuffix(" GB") for label in labels)]).upper()


def _option_value(master: Master, row: Mapping[str, Any], code: str, label: str) -> OptionValue:
    name, *labels = row["options"][code]
    option, _is_new = ProductOption.objects.update_or_create(
        master=master,
        code=code,
        defaults={"name": name, "position": list(row["options"]).index(code)},
    )
    value, _is_new = OptionValue.objects.update_or_create(
        option=option,
        code=label.lower().replace(" ", "-"),
        defaults={"label": label, "position": labels.index(label)},
    )
    return value


def _picture(master: Master, row: Mapping[str, Any]) -> None:
    """Draw into a file of our own name; where staff put another picture, theirs is shown."""
    name, drawn = f"catalog/{row['slug']}.svg", art.draw(row["art"], row["slug"]).encode()
    if not _holds(name, drawn):
        default_storage.delete(name)
        default_storage.save(name, ContentFile(drawn))
    Media.objects.get_or_create(
        master=master, position=0, defaults={"file": name, "alt": row["name"][0]}
    )


def _holds(name: str, content: bytes) -> bool:
    if not default_storage.exists(name):
        return False
    with default_storage.open(name) as file:
        return bool(file.read() == content)
