"""A batch is planned while the one before it is written; what comes in between is seen."""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.db import IntegrityError

from catalog import masters
from catalog.imports import planning, services, working, writing
from catalog.imports.book import Book
from catalog.imports.models import Import, ImportRow
from catalog.models import Category, Master, Price, Variant
from museo.access.callers import Caller, caller_for_user
from museo.access.models import User
from tests.catalog.imports.conftest import NOON, changes, counts, csv_of, reasons
from tests.catalog.test_masters import bowl, price

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both]

ROWS = [f"S-{number},,Bowl {number},clay,9.00,3" for number in range(10, 40)]
MADE = "S-25"
# what makes a product between two batches
Meanwhile = Callable[[], datetime]


@pytest.fixture
def found(staff: Caller, clay: Category, monkeypatch: pytest.MonkeyPatch) -> Import:
    """Three batches of new products."""
    monkeypatch.setattr(working, "BATCH", dict.fromkeys(working.BATCH, 10))
    monkeypatch.setattr(working, "TRIES", 1)
    return services.start(staff, [csv_of(*ROWS)], file_name="a.csv", dry_run=False, now=NOON)


@pytest.fixture
def meanwhile(staff: Caller) -> Meanwhile:
    """A clock that is read before each batch: after the first one somebody makes a product."""

    def clock() -> datetime:
        is_planned = ImportRow.objects.filter(outcome="create").count() == 10
        if is_planned and not Variant.objects.filter(sku=MADE).exists():
            variant = {"sku": MADE, "prices": [price(100)], "on_hand": 3}
            masters.create(staff, bowl(slug=MADE.lower(), variants=[variant]), now=NOON)
        return NOON

    return clock


def test_a_product_made_meanwhile_is_changed_and_not_made_twice(
    found: Import, meanwhile: Meanwhile
) -> None:
    working.work_on(found, meanwhile)

    found.refresh_from_db()
    assert (found.state, counts(found)) == ("done", (29, 1, 0, 0))
    row = ImportRow.objects.get(sku=MADE)
    assert changes(found)[row.number] == {
        "name:en": ["Blue bowl", "Bowl 25"],
        "price:EUR": [100, 900],
    }
    assert Master.objects.count() == len(ROWS)
    assert set(Price.objects.filter(valid_to=None).values_list("amount", flat=True)) == {900}


def test_who_did_not_look_again_would_make_it_twice(
    found: Import, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: the plans are taken as they are."""
    monkeypatch.setattr(planning, "open_book", lambda *_, **__: Book({}, {}, []))

    working.work_on(found, meanwhile)

    found.refresh_from_db()
    assert (found.state, found.done) == ("failed", 10)


def test_a_category_that_goes_meanwhile_is_unknown_then(found: Import, clay: Category) -> None:
    other = Category.objects.add_root(instance=Category(slug="wood", name="Wood"))

    def clock() -> datetime:
        if ImportRow.objects.filter(outcome="create").count() == 10:
            Category.objects.filter(pk=other.pk).delete()
        return NOON

    lines = [row.replace("clay", "wood") if MADE in row else row for row in ROWS]
    content = csv_of(*lines)
    own = caller_for_user(User.objects.get(), locale="en")
    of_both = services.start(own, [content], file_name="b.csv", dry_run=False, now=NOON)

    working.work_on(of_both, clock)

    of_both.refresh_from_db()
    assert (of_both.state, counts(of_both)) == ("done", (29, 0, 0, 1))
    assert list(reasons(of_both).values()) == [[("category", "category_unknown")]]


def test_a_batch_that_is_tried_again_is_planned_anew(
    found: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "TRIES", 2)
    write, failures = writing.write, [IntegrityError()]

    def fail_once(book: Book, *, by: str, now: datetime) -> None:
        write(book, by=by, now=now)
        if failures and ImportRow.objects.filter(outcome="create").exists():
            raise failures.pop()

    monkeypatch.setattr(writing, "write", fail_once)

    working.work_on(found, lambda: NOON)

    found.refresh_from_db()
    assert (found.state, counts(found), failures) == ("done", (30, 0, 0, 0), [])
    assert Variant.objects.count() == len(ROWS)
