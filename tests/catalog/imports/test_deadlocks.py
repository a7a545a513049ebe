"""Imports, edits and the index lock in one order: stock rows, products, words; each by its order.

On PostgreSQL: SQLite has one writer at a time.
"""

import random
from collections.abc import Callable, Collection
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import OperationalError, connection

from catalog import counts, masters
from catalog.audit import INVARIANTS as OF_STOCK
from catalog.imports import planning, services, working
from catalog.imports.book import open_book
from catalog.imports.models import Import
from catalog.models import Category, Master, Price, Variant
from catalog.search import index
from catalog.search.audit import INVARIANTS as OF_SEARCH
from museo.access.callers import Caller
from notifications import log
from notifications.audit import broken
from tests.catalog.imports.conftest import NOON, csv_of
from tests.catalog.test_masters import bowl, price
from tests.catalog.test_writers_at_once import overlapping
from tests.together import at_once

pytestmark = pytest.mark.usefixtures("committed")
Act = Callable[[], object]
SKUS = [f"S-{number}" for number in range(12)]
WORDS = ["amber", "birch", "cedar", "delft", "ebony", "flint", "grove", "heath", "ivory", "jasper"]


@pytest.fixture
def sold(staff: Caller, clay: Category, monkeypatch: pytest.MonkeyPatch) -> list[Master]:
    """Products whose addresses are in another order than their ids; no batch is tried twice."""
    monkeypatch.setattr(working, "BATCH", dict.fromkeys(working.BATCH, 10))
    monkeypatch.setattr(working, "TRIES", 1)
    chance = random.Random(1)  # noqa: S311  the same each time
    return [
        masters.create(
            staff,
            bowl(slug=sku.lower(), variants=[{"sku": sku, "prices": [price(100)], "on_hand": 5}]),
            now=NOON,
        )
        for sku in chance.sample(SKUS, len(SKUS))
    ]


def imported(staff: Caller, chance: random.Random) -> Act:
    lines = [
        f"{sku},{' '.join(chance.sample(WORDS, 3))},{chance.randint(1, 99)},{chance.randint(5, 50)}"
        for sku in chance.sample(SKUS, len(SKUS))
    ]
    content = csv_of(*lines, header="sku,name,price,stock")
    found = services.start(staff, [content], file_name="a.csv", dry_run=False, now=NOON)
    return partial(working.work_on, found, lambda: NOON)


def edited(staff: Caller, sold: Collection[Master], chance: random.Random) -> Act:
    """As the page of a product does it: what was counted, and what was written."""
    chosen = chance.choice([*sold])
    sku = chosen.slug.upper()
    name = " ".join(chance.sample(WORDS, 3))
    fields = {
        "translations": {"en": {"name": name}},
        "variants": [{"sku": sku, "prices": [price(chance.randint(1, 9999))]}],
    }

    def edit() -> None:
        with log.change():
            counts.write(staff, [{"sku": sku, "delta": 1}], now=NOON)
            masters.update(staff, chosen.public_id, fields, revision=None, now=NOON)

    return edit


def edited_together(staff: Caller, sold: Collection[Master], chance: random.Random) -> Act:
    """As the page of many shelves does it."""
    chosen = chance.sample([*sold], 4)
    variants = [
        {"sku": each.slug.upper(), "prices": [price(chance.randint(1, 9999))]} for each in chosen
    ]

    def edit() -> None:
        with log.change():
            rows = [{"sku": variant["sku"], "delta": 1} for variant in variants]
            counts.write(staff, rows, now=NOON)
            masters.hold([each.pk for each in chosen])
            for each, variant in zip(chosen, variants, strict=True):
                fields = {"variants": [variant]}
                masters.update(staff, each.public_id, fields, revision=None, now=NOON)

    return edit


def refreshed(sold: Collection[Master], chance: random.Random) -> Act:
    ids = [each.pk for each in chance.sample([*sold], 6)]
    return partial(index.refresh, ids, now=NOON)


def test_imports_edits_and_the_index_never_wait_in_a_circle(
    staff: Caller, sold: list[Master], request: pytest.FixtureRequest
) -> None:
    chance = random.Random(7)  # noqa: S311
    for _round in range(60 if request.config.getoption("--long") else 4):
        acts = [
            *(imported(staff, chance) for _import in range(2)),
            *(edited(staff, sold, chance) for _editor in range(3)),
            *(edited_together(staff, sold, chance) for _editor in range(2)),
            *(refreshed(sold, chance) for _refresh in range(2)),
        ]

        assert at_once(acts) == [None] * len(acts)

    assert set(Import.objects.values_list("state", "done", "refused")) == {("done", len(SKUS), 0)}
    assert broken((*OF_STOCK, *OF_SEARCH), now=NOON) == []
    for variant in Variant.objects.all():
        assert overlapping(Price.objects.filter(variant=variant)) == 0


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_products_before_stock_would_be_a_circle(
    staff: Caller, sold: list[Master], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: an import that locks as imports once did, beside the page of a product."""
    both_began = Barrier(2)

    def products_first(skus: Collection[str], *arguments: Any, **options: Any) -> Any:
        masters.hold([each.pk for each in sold])
        both_began.wait(timeout=60)
        return open_book(skus, *arguments, **options)

    def edit() -> None:
        with log.change():
            counts.write(staff, [{"sku": "S-1", "delta": 1}], now=NOON)
            both_began.wait(timeout=60)
            key = Master.objects.get(slug="s-1").public_id
            masters.update(staff, key, {"brand": "Studio"}, revision=None, now=NOON)

    monkeypatch.setattr(planning, "open_book", products_first)
    monkeypatch.setattr(working, "BATCH", dict.fromkeys(working.BATCH, 20))

    chance = random.Random(3)  # noqa: S311
    results = at_once([imported(staff, chance), edit])

    failed = [result for result in results if isinstance(result, OperationalError)]
    assert ["deadlock detected" in str(failure) for failure in failed] == [True]
