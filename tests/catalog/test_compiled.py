"""Queries that are compiled once find what the same queries find anew, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import CharField, DateTimeField, Q, Value

from catalog import prices, stock
from catalog.compiled import Compiled, OneOf, Slot
from catalog.models import Category, Master, Price, StockItem, Variant

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def masters() -> list[Master]:
    room = Category.objects.add_root(instance=Category(slug="room", name="Room"))
    return [
        Master.objects.create(
            slug=name, primary_category=room, attributes={"Made of": name}, published_at=NOON
        )
        for name in ("clay", "100 %s", "linen")
    ]


NAMED = Compiled(
    lambda: (
        Master.objects.filter(
            OneOf("pk", "masters"),
            slug=Slot("slug", CharField()),
            published_at__lte=Slot("now", DateTimeField()),
        )
        .order_by("pk")
        .values("pk", "slug", "attributes", "published_at")
    )
)


def test_each_call_puts_its_own_values_in(masters: list[Master]) -> None:
    ids = [master.pk for master in masters]

    for master in masters:
        found = NAMED.rows(masters=ids, slug=master.slug, now=NOON)

        assert found == [
            {
                "pk": master.pk,
                "slug": master.slug,
                "attributes": {"Made of": master.slug},
                "published_at": NOON,
            }
        ]
    assert not NAMED.rows(masters=ids, slug="clay", now=NOON - timedelta(seconds=1))
    assert not NAMED.rows(masters=ids[1:], slug="clay", now=NOON)


def test_none_of_nothing_is_found_without_asking(
    masters: list[Master], django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        assert not NAMED.rows(masters=[], slug="clay", now=NOON)


def test_a_value_is_never_part_of_the_query(masters: list[Master]) -> None:
    ids = [master.pk for master in masters]

    for slug in ("' OR ''='", "%", "%s", '"clay"'):
        assert not NAMED.rows(masters=ids, slug=slug, now=NOON)


SAID = Compiled(
    lambda: (
        Master.objects.filter(
            Q(slug=Slot("said", CharField())) | Q(brand=Slot("said", CharField()))
        )
        .exclude(slug="100 % of '$1' %s \\ ½")
        .order_by("pk")
        .values("slug", known=Value("it's $1, 100 %, \\ %s"))
    )
)


def test_what_stands_in_the_query_is_put_in_as_it_is(masters: list[Master]) -> None:
    Master.objects.filter(slug="linen").update(brand="100 %s")
    Master.objects.filter(slug="clay").update(slug="100 % of '$1' %s \\ ½", brand="100 %s")

    # a value that is asked for twice is given once
    assert SAID.rows(said="100 %s") == [
        {"slug": slug, "known": "it's $1, 100 %, \\ %s"} for slug in ("100 %s", "linen")
    ]


def test_the_current_price_is_that_which_began_last(masters: list[Master]) -> None:
    variant = Variant.objects.create(master=masters[0], sku="CLAY")
    for hours, amount in ((-2, 100), (-1, 200), (1, 300)):
        Price.objects.create(
            variant=variant, amount=amount, valid_from=NOON + timedelta(hours=hours)
        )

    assert prices.current([variant.pk], currency="EUR", now=NOON)[variant.pk].amount == 200
    assert not prices.current([variant.pk], currency="SEK", now=NOON)


def test_what_is_short_is_said_with_what_is_left(masters: list[Master]) -> None:
    sold, untracked, unknown = (
        Variant.objects.create(master=master, sku=master.slug, track_stock=number != 1)
        for number, master in enumerate(masters)
    )
    for location, on_hand in (("main", 2), ("shop", 3)):
        StockItem.objects.create(variant=sold, location=location, on_hand=on_hand, reserved=1)

    assert stock.shortages({sold.pk: 3, untracked.pk: 9}) == {}
    assert stock.shortages({sold.pk: 4, untracked.pk: 9, unknown.pk: 1}) == {
        sold.pk: 3,
        unknown.pk: 0,
    }
