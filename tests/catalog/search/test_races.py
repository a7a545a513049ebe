"""Two writers of one product: the index ends with what both have written. Its twin does not."""

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event

import pytest
from django.db import IntegrityError, connection, transaction

from catalog.models import Category, Master, Price, Variant
from catalog.search import index
from catalog.search.models import SearchEntry
from tests.processes import eventually
from tests.together import at_once

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
pytestmark = [
    pytest.mark.usefixtures("committed"),
    pytest.mark.skipif(
        "connection.vendor != 'postgresql'", reason="SQLite has one writer at a time"
    ),
]


@pytest.fixture
def mug() -> Master:
    room = Category.objects.add_root(instance=Category(slug="clay", name="Clay"))
    master: Master = Master.objects.create(
        name="Mug", slug="mug", status=Master.Status.ACTIVE, primary_category=room
    )
    Price.objects.create(variant=Variant.objects.create(master=master, sku="MUG"), amount=1500)
    index.refresh([master.pk], now=NOON)
    return master


def name_it_and_price_it(mug: Master) -> list[Exception | None]:
    """One names it and takes long to commit; the other prices it meanwhile."""
    has_named = Event()

    def name() -> None:
        with transaction.atomic():
            Master._parler_meta.root_model.objects.filter(master=mug).update(name="Cup")
            index.refresh([mug.pk], now=NOON)
            has_named.set()
            eventually(somebody_waits)

    def price() -> None:
        has_named.wait(timeout=60)
        with transaction.atomic():
            Price.objects.update(amount=900)
            index.refresh([mug.pk], now=NOON)

    actions: list[Callable[[], None]] = [name, price]
    return at_once(actions)


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])


def test_the_index_has_what_both_writers_wrote(mug: Master) -> None:
    assert name_it_and_price_it(mug) == [None, None]

    entry = SearchEntry.objects.get()
    assert "|en cup |" in entry.names
    assert entry.price == 900


def test_without_the_lock_the_second_writer_is_lost(
    mug: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "_lock", lambda ids: None)

    _named, priced = name_it_and_price_it(mug)

    assert isinstance(priced, IntegrityError)
    assert SearchEntry.objects.get().price == 1500
