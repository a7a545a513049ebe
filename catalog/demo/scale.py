"""Many products more, for load tests: the same number gives the same products."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from catalog.models import Category, Master, Media, Price, StockItem, StockMovement, Variant
from catalog.search import index

BATCH = 5000
SLUG = "load-"

KINDS = ("Quiet", "Northern", "Folding", "Painted", "Small", "Tall", "Winter", "Harbour", "Island")
MATERIALS = ("stoneware", "linen", "birch", "steel", "paper", "wool", "glass", "cork", "copper")
THINGS = ("mug", "lamp", "bowl", "print", "notebook", "scarf", "vase", "radio", "tray", "clock")


def grow(count: int, *, now: datetime) -> int:
    """Bring the products for load tests to `count`; return how many of them are new."""
    # also those that staff have deleted: their SKUs are taken
    there: int = Master.objects.filter(slug__startswith=SLUG).count()
    shelves = _shelves()
    for first in range(there + 1, count + 1, BATCH):
        with transaction.atomic():
            _write(range(first, min(first + BATCH, count + 1)), shelves, now=now)
    return max(0, count - there)


def _shelves() -> list[tuple[int, str]]:
    """The rooms that have products, each with a picture to show there."""
    pictures = Media.objects.filter(position=0).order_by("-pk")
    shown = dict(pictures.values_list("master__primary_category_id", "file"))
    rooms = Category.objects.active().filter(numchild=0).order_by("path")
    return [(pk, shown.get(pk, "")) for pk in rooms.values_list("pk", flat=True)]


def _write(numbers: range, shelves: list[tuple[int, str]], *, now: datetime) -> None:
    made = [random.Random(number) for number in numbers]  # noqa: S311  # no secrets
    places = [shelves[number % len(shelves)] for number in numbers]
    masters = Master.objects.bulk_create(
        Master(
            public_id=f"prd_{SLUG}{number:07d}",
            slug=f"{SLUG}{number:07d}",
            status=Master.Status.ACTIVE,
            brand="Halla",
            primary_category_id=room,
            attributes={"Edition": str(number)},
            published_at=now - timedelta(days=30, seconds=number),
        )
        for number, (room, _picture) in zip(numbers, places, strict=True)
    )
    _bulk(
        Master._parler_meta.root_model,
        (
            {"master_id": master.pk, "language_code": "en", **_texts(pick, number)}
            for master, pick, number in zip(masters, made, numbers, strict=True)
        ),
    )
    _bulk(
        Media,
        (
            {"master_id": master.pk, "file": picture}
            for master, (_room, picture) in zip(masters, places, strict=True)
            if picture
        ),
    )
    variants = _bulk(
        Variant,
        (
            {
                "master_id": master.pk,
                "public_id": f"var_{master.slug}",
                "sku": master.slug.upper(),
            }
            for master in masters
        ),
    )
    _bulk(
        Price,
        (
            {"variant_id": variant.pk, "amount": pick.randrange(200, 20000, 10)}
            for variant, pick in zip(variants, made, strict=True)
        ),
    )
    items = _bulk(
        StockItem,
        (
            {"variant_id": variant.pk, "on_hand": pick.randint(0, 200)}
            for variant, pick in zip(variants, made, strict=True)
        ),
    )
    received = {"kind": StockMovement.Kind.RECEIVE, "reference": "demo", "at": now}
    _bulk(
        StockMovement,
        (
            {"stock_item_id": item.pk, "delta": item.on_hand, **received}
            for item in items
            if item.on_hand
        ),
    )
    index.refresh([master.pk for master in masters], now=now)


def _bulk(model: Any, rows: Iterator[dict[str, Any]]) -> list[Any]:
    made: list[Any] = model._base_manager.bulk_create(model(**row) for row in rows)
    return made


def _texts(pick: random.Random, number: int) -> dict[str, str]:
    kind, material, thing = pick.choice(KINDS), pick.choice(MATERIALS), pick.choice(THINGS)
    return {
        "name": f"{kind} {material} {thing} {number}",
        "subtitle": f"{material.capitalize()}, numbered",
        "description": f"A {thing} of {material} that was made to be counted.",
    }
