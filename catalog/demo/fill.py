"""Fills the shop with the demo catalogue; doing it again brings it up to date.

What staff have changed or deleted since stays theirs, and stock and prices are written once, with
the variant: what has been sold stays sold. Each table is read once and written once, however many
products there are.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q

from catalog.demo import art, voices, words
from catalog.demo.words import LANGUAGES
from catalog.models import (
    Category,
    Master,
    Media,
    Modifier,
    ModifierGroup,
    OptionValue,
    Price,
    ProductOption,
    StockItem,
    StockMovement,
    Variant,
)
from catalog.search import index

HERE = Path(__file__).parent
DEPARTMENTS = ("electronics", "cafe", "museum_shop", "tickets", "gift_cards")

Row = Mapping[str, Any]
Key = tuple[Any, ...]


def fill(*, now: datetime) -> int:
    """Write the demo catalogue; return the number of its products."""
    rows = products()
    with transaction.atomic():
        rooms = _categories(_read("shop")["categories"])
        masters = _masters(rows, rooms, now=now)
        ours = [row for row in rows if row["slug"] in masters]
        _texts_of_masters(ours, masters)
        variants = _variants(ours, masters)
        _modifiers(ours, masters)
        _offers([row for row in variants if row["is_new"]], now=now)
        _pictures(ours, masters)
        voices.write(_read("voices"), masters, now=now)
        index.refresh(masters.values(), now=now)
    return len(rows)


def is_filled() -> bool:
    """Whether most of it is there: a shop of its own may call a product as the demo does."""
    slugs = [row["slug"] for row in products()]
    there: int = Master.objects.filter(slug__in=slugs).count()
    return there * 2 > len(slugs)


def products() -> list[Row]:
    """All of them, newest first; the departments take turns in the shop's window."""
    placed = [
        (place / len(rows), number, row)
        for number, rows in enumerate(_read(name)["products"] for name in DEPARTMENTS)
        for place, row in enumerate(rows)
    ]
    return [row for _place, _number, row in sorted(placed, key=lambda each: each[:2])]


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((HERE / f"{name}.toml").read_text(encoding="utf-8"))


def _keep(
    known: Any,
    wanted: Mapping[Key, Row],
    *,
    by: Sequence[str],
    new: Mapping[Key, Row] | None = None,
) -> dict[Key, Any]:
    """Create what is not known and change what differs; `new` is for the created ones only."""
    model = known.model
    there = {tuple(getattr(thing, name) for name in by): thing for thing in known}
    changed = []
    for key in wanted.keys() & there.keys():
        thing, fields = there[key], wanted[key]
        if any(getattr(thing, name) != value for name, value in fields.items()):
            for name, value in fields.items():
                setattr(thing, name, value)
            changed.append(thing)
    if changed:
        names = {name for fields in wanted.values() for name in fields}
        model._base_manager.bulk_update(changed, sorted(names))
    made = {
        key: model(**dict(zip(by, key, strict=True)), **fields, **(new or {}).get(key, {}))
        for key, fields in wanted.items()
        if key not in there
    }
    model._base_manager.bulk_create(made.values())
    return {**there, **made}


# categories


def _categories(rows: Iterable[Row]) -> dict[str, Category]:
    """By slug; what staff call a room that is there already, they call it."""
    rooms = {room.slug: room for room in Category.objects.all()}
    texts = _text_model(Category)
    named = set(texts.objects.values_list("master_id", "language_code"))
    missing = []
    for row in rows:
        if row["slug"] not in rooms:
            rooms[row["slug"]] = _category(row)
        pk = rooms[row["slug"]].pk
        missing += [
            texts(master_id=pk, language_code=language, name=name)
            for language, name in zip(LANGUAGES, row["name"], strict=True)
            if (pk, language) not in named
        ]
    texts.objects.bulk_create(missing)
    return rooms


def _category(row: Row) -> Category:
    category = Category(slug=row["slug"], room=row["room"])
    if "parent" not in row:
        return Category.objects.add_root(instance=category)  # type: ignore[no-any-return]
    parent = Category.objects.get(slug=row["parent"])
    return Category.objects.add_child(parent, instance=category)  # type: ignore[no-any-return]


def _text_model(model: Any) -> Any:
    return model._parler_meta.root_model


# products


def _masters(
    rows: Sequence[Row], rooms: Mapping[str, Category], *, now: datetime
) -> dict[str, int]:
    """The ids by slug of those that are still the demo's own."""
    known = Master.objects.filter(slug__in=[row["slug"] for row in rows])
    touched = Q(revision__gt=1) | Q(deleted_at__isnull=False)
    theirs = set(known.filter(touched).values_list("slug", flat=True))
    wanted = {
        (row["slug"],): {
            "kind": row.get("kind", Master.Kind.PHYSICAL),
            "tax_class": row.get("tax_class", ""),
            "status": Master.Status.ACTIVE,
            "brand": row.get("brand", ""),
            "attributes": row["attributes"],
            "facts": words.facts(row["attributes"]),
            "primary_category_id": rooms[row["category"]].pk,
        }
        for row in rows
        if row["slug"] not in theirs
    }
    hung = {
        (row["slug"],): {"published_at": now - timedelta(minutes=age)}
        for age, row in enumerate(rows)
    }
    kept = _keep(known.exclude(slug__in=theirs), wanted, by=["slug"], new=hung)
    return {slug: master.pk for (slug,), master in kept.items()}


def _texts_of_masters(rows: Iterable[Row], masters: Mapping[str, int]) -> None:
    wanted = {
        (masters[row["slug"]], language): {
            name: row[name][place] for name in ("name", "subtitle", "description")
        }
        for row in rows
        for place, language in enumerate(LANGUAGES)
    }
    known = _text_model(Master).objects.filter(master_id__in=masters.values())
    _keep(known, wanted, by=["master_id", "language_code"])


# variants


def _variants(rows: Sequence[Row], masters: Mapping[str, int]) -> list[dict[str, Any]]:
    """Write the variants; return each with its row, its price and whether it `is_new`."""
    values = _option_values(rows, masters)
    found: list[dict[str, Any]] = [
        {
            "sku": _sku(row["slug"], labels),
            "row": row,
            "price": price,
            "position": position,
            "values": [
                values[masters[row["slug"]], code, _code(label)].pk
                for code, label in zip(row.get("options", {}), labels, strict=True)
            ],
        }
        for row in rows
        for position, (labels, price) in enumerate(_choices(row))
    ]
    known = Variant.objects.filter(sku__in=[each["sku"] for each in found])
    before = set(known.values_list("sku", flat=True))
    wanted = {
        (each["sku"],): {
            "master_id": masters[each["row"]["slug"]],
            "position": each["position"],
            "prep_seconds": each["row"].get("prep_seconds"),
            "option_key": "-".join(map(str, sorted(each["values"]))),
        }
        for each in found
    }
    kept = _keep(known, wanted, by=["sku"])
    for each in found:
        each["pk"], each["is_new"] = kept[each["sku"],].pk, each["sku"] not in before
    _link({(each["pk"], value) for each in found for value in each["values"]})
    return found


def _choices(row: Row) -> Iterator[tuple[tuple[str, ...], int]]:
    """Each combination of option values with its price: the first option sets it."""
    for labels in product(*(labels[1:] for labels in row.get("options", {}).values())):
        yield labels, row["prices"][labels[0]] if labels else row["price"]


def _sku(slug: str, labels: Iterable[str]) -> str:
    """`IPHONE-15-128-BLACK`."""
    parts = [slug, *(label.removesuffix(" GB") for label in labels)]
    return "-".join(parts).upper().replace(" ", "-")


def _code(label: str) -> str:
    return label.lower().replace(" ", "-")


def _option_values(rows: Iterable[Row], masters: Mapping[str, int]) -> dict[Key, OptionValue]:
    """By master, code of the option and code of the value."""
    with_options = [row for row in rows if "options" in row]
    options = _keep(
        ProductOption.objects.filter(master_id__in=masters.values()),
        {
            (masters[row["slug"]], code): {
                "name": name,
                "names": words.others(name),
                "position": position,
            }
            for row in with_options
            for position, (code, (name, *_labels)) in enumerate(row["options"].items())
        },
        by=["master_id", "code"],
    )
    values = _keep(
        OptionValue.objects.filter(option__master_id__in=masters.values()),
        {
            (options[masters[row["slug"]], code].pk, _code(label)): {
                "label": label,
                "labels": words.others(label),
                "position": position,
            }
            for row in with_options
            for code, (_name, *labels) in row["options"].items()
            for position, label in enumerate(labels)
        },
        by=["option_id", "code"],
    )
    of_option = {option.pk: key for key, option in options.items()}
    return {(*of_option[option], code): value for (option, code), value in values.items()}


def _link(wanted: set[tuple[int, int]]) -> None:
    """Give each variant its option values, and no others."""
    through = Variant.option_values.through.objects
    links = through.filter(variant_id__in={variant for variant, _value in wanted})
    there = {(link.variant_id, link.optionvalue_id): link.pk for link in links}
    through.filter(pk__in=[there[pair] for pair in there.keys() - wanted]).delete()
    through.bulk_create(
        through.model(variant_id=variant, optionvalue_id=value)
        for variant, value in sorted(wanted - there.keys())
    )


def _offers(variants: Sequence[Row], *, now: datetime) -> None:
    """What new variants cost and how many of them there are."""
    Price.objects.bulk_create(
        Price(
            variant_id=each["pk"],
            amount=each["price"],
            list_amount=each["row"].get("list_price"),
        )
        for each in variants
    )
    items = StockItem.objects.bulk_create(
        StockItem(variant_id=each["pk"], on_hand=each["row"]["stock"]) for each in variants
    )
    StockMovement.objects.bulk_create(
        StockMovement(
            stock_item=item,
            delta=item.on_hand,
            kind=StockMovement.Kind.RECEIVE,
            reference="demo",
            at=now,
        )
        for item in items
        if item.on_hand
    )


# modifiers


def _modifiers(rows: Iterable[Row], masters: Mapping[str, int]) -> None:
    """What is chosen with the dishes that name a group of `modifiers.toml`."""
    menu = _read("modifiers")
    named = [
        (masters[row["slug"]], place, code, menu[code])
        for row in rows
        for place, code in enumerate(row.get("modifiers", ()))
    ]
    groups = _keep(
        ModifierGroup.objects.filter(master_id__in=masters.values()),
        {
            (master, code): {
                **_named(group["name"]),
                "minimum": group.get("minimum", 0),
                "maximum": group.get("maximum", 1),
                "position": place,
            }
            for master, place, code, group in named
        },
        by=["master_id", "code"],
    )
    _keep(
        Modifier.objects.filter(master_id__in=masters.values()),
        {
            (master, choice): {
                "group_id": groups[master, code].pk,
                **_named(each["name"]),
                "price": each.get("price", 0),
                "position": place,
            }
            for master, _place, code, group in named
            for place, (choice, each) in enumerate(group["choices"].items())
        },
        by=["master_id", "code"],
    )


def _named(names: Sequence[str]) -> dict[str, Any]:
    return {"name": names[0], "names": dict(zip(LANGUAGES[1:], names[1:], strict=True))}


# pictures


def _pictures(rows: Iterable[Row], masters: Mapping[str, int]) -> None:
    """Draw into files of our own names; where staff put another picture, theirs is shown."""
    files = {row["slug"]: _picture(row) for row in rows}
    shown = Media.objects.filter(master_id__in=masters.values(), position=0)
    taken = dict(shown.values_list("master_id", "file"))
    wanted = {
        (masters[row["slug"]], 0): {
            "file": files[row["slug"]],
            "alt": row["name"][0],
            "alts": dict(zip(LANGUAGES[1:], row["name"][1:], strict=True)),
        }
        for row in rows
        if taken.get(masters[row["slug"]], files[row["slug"]]) == files[row["slug"]]
    }
    _keep(shown, wanted, by=["master_id", "position"])


def _picture(row: Row) -> str:
    name, drawn = f"catalog/{row['slug']}.svg", art.draw(row["art"], row["slug"]).encode()
    if not _holds(name, drawn):
        default_storage.delete(name)
        default_storage.save(name, ContentFile(drawn))
    return name


def _holds(name: str, content: bytes) -> bool:
    if not default_storage.exists(name):
        return False
    with default_storage.open(name) as file:
        return bool(file.read() == content)
