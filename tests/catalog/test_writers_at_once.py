"""Many staff at once: nobody overwrites unseen, one price holds, stock adds up.

On PostgreSQL; SQLite has one writer at a time. Each race has a twin that loses.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from catalog import audit, counts, masters, prices
from catalog.models import Category, Master, Price, StockItem, Variant
from catalog.prices import Offer
from museo.access.callers import Caller, caller_for_user
from museo.access.models import Trail, User
from notifications import log
from notifications.audit import broken
from tests.catalog.test_masters import bowl
from tests.together import at_once

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WRITERS = 12
pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture
def staff() -> Caller:
    return caller_for_user(User.objects.create_superuser("staff@museo.example"), locale="en")


@pytest.fixture
def made(staff: Caller) -> Master:
    Category.objects.add_root(instance=Category(slug="clay", name="Clay"))
    return masters.create(staff, bowl(), now=NOON)


def write_at_once(staff: Caller, made: Master, count: int) -> list[Any]:
    def write(index: int) -> Master:
        fields = {"brand": f"Brand {index}"}
        return masters.update(staff, made.public_id, fields, revision=1, now=NOON)

    return at_once([partial(write, index) for index in range(count)])


def test_of_many_who_saw_the_same_revision_one_writes(staff: Caller, made: Master) -> None:
    results = write_at_once(staff, made, WRITERS)

    won = [result for result in results if isinstance(result, Master)]
    told = [result for result in results if isinstance(result, masters.EditedMeanwhile)]
    assert (len(won), len(told)) == (1, WRITERS - 1)
    kept = Master.objects.get()
    assert (kept.revision, kept.brand) == (2, won[0].brand)
    assert Trail.objects.count() == 2


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_who_looks_first_and_writes_later_overwrites(
    staff: Caller, made: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_looked = Barrier(2)

    def look_and_write(key: str, seen: int | None, now: datetime, **_more: Any) -> Master:
        master = masters.find(key)
        if master.revision != seen:
            raise masters.EditedMeanwhile("too late")
        both_looked.wait(timeout=60)
        Master.objects.filter(pk=master.pk).update(revision=master.revision + 1)
        return masters.find(key)

    monkeypatch.setattr(masters, "_raise_revision", look_and_write)

    results = write_at_once(staff, made, 2)

    assert [type(result) for result in results] == [Master, Master]
    assert Master.objects.get().revision == 2


def set_at_once(variant: Variant, count: int) -> list[Any]:
    def put(index: int) -> None:
        with log.change():
            now = NOON + timedelta(seconds=index)
            prices.set_prices([(variant.pk, Offer(1000 + index, "EUR"))], now=now)

    return at_once([partial(put, index) for index in range(count)])


def overlapping(rows: Iterable[Price]) -> int:
    """How many begin before the one before them has ended."""
    ordered = sorted(rows, key=lambda row: row.valid_from)
    return sum(
        earlier.valid_to is None or earlier.valid_to > later.valid_from
        for earlier, later in pairwise(ordered)
    )


def test_prices_that_are_set_at_once_never_overlap(made: Master) -> None:
    results = set_at_once(Variant.objects.get(), WRITERS)

    assert results == [None] * WRITERS
    assert overlapping(Price.objects.all()) == 0


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_without_waiting_for_each_other_prices_overlap(
    made: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_read = Barrier(2)
    write: Callable[..., None] = prices._write

    def write_together(*arguments: Any) -> None:
        both_read.wait(timeout=60)
        write(*arguments)

    monkeypatch.setattr(prices, "_hold", lambda variant_ids: None)
    monkeypatch.setattr(prices, "_write", write_together)

    set_at_once(Variant.objects.get(), 2)

    assert overlapping(Price.objects.all()) > 0


def test_counts_and_differences_at_once_add_up(staff: Caller, made: Master) -> None:
    def count(**said: int) -> object:
        return counts.write(staff, [{"sku": "BOWL", **said}], now=NOON)

    results = at_once(
        [partial(count, on_hand=50), *(partial(count, delta=1) for _each in range(WRITERS))]
    )

    assert not [result for result in results if isinstance(result, Exception)]
    assert 50 <= StockItem.objects.get().on_hand <= 50 + WRITERS
    assert broken(audit.INVARIANTS, now=NOON) == []
