"""One price holds at any moment, and the newest word is the one that holds."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalog import prices
from catalog.models import ALWAYS, Category, Master, Price, Variant
from catalog.prices import Offer

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def bowl() -> Variant:
    room = Category.objects.add_root(instance=Category(slug="clay", name="Clay"))
    master = Master.objects.create(slug="bowl", primary_category=room)
    return Variant.objects.create(master=master, sku="BOWL")


def costs(variant: Variant, at: datetime, currency: str = "EUR") -> int | None:
    price = prices.current([variant.pk], currency=currency, now=at).get(variant.pk)
    return price.amount if price else None


def timeline(variant: Variant) -> list[tuple[int, datetime, datetime | None]]:
    rows = Price.objects.filter(variant=variant).order_by("valid_from")
    return list(rows.values_list("amount", "valid_from", "valid_to"))


def put(
    variant: Variant, amount: int, currency: str = "EUR", *, now: datetime = NOON, **period: Any
) -> bool:
    return bool(prices.set_prices([(variant.pk, Offer(amount, currency, **period))], now=now))


def test_the_first_price_holds_from_ever_and_the_next_from_now(bowl: Variant) -> None:
    put(bowl, 100)
    put(bowl, 90)

    assert timeline(bowl) == [(100, ALWAYS, NOON), (90, NOON, None)]


def test_an_edit_beside_a_price_that_began_later_is_shown(bowl: Variant) -> None:
    put(bowl, 100)
    put(bowl, 80, valid_from=NOON - DAY)

    put(bowl, 70)

    assert costs(bowl, NOON) == 70
    assert costs(bowl, NOON + 100 * DAY) == 70
    assert costs(bowl, NOON - DAY) == 80
    assert costs(bowl, NOON - 2 * DAY) == 100


def test_an_offer_for_a_time_leaves_the_price_before_and_after_it(bowl: Variant) -> None:
    put(bowl, 100)

    put(bowl, 80, valid_from=NOON + DAY, valid_to=NOON + 3 * DAY)

    begins, ends = NOON + DAY, NOON + 3 * DAY
    assert timeline(bowl) == [(100, ALWAYS, begins), (80, begins, ends), (100, ends, None)]


def test_an_edit_during_an_offer_holds_until_the_offer_ends(bowl: Variant) -> None:
    put(bowl, 100)
    put(bowl, 80, valid_from=NOON - DAY, valid_to=NOON + DAY)

    put(bowl, 75)

    assert [costs(bowl, NOON + step * DAY) for step in (-1, 0, 1)] == [80, 75, 100]


def test_a_price_that_covers_others_replaces_them(bowl: Variant) -> None:
    put(bowl, 100)
    put(bowl, 80, valid_from=NOON + DAY, valid_to=NOON + 2 * DAY)

    put(bowl, 60, valid_from=NOON, valid_to=NOON + 5 * DAY)

    assert [costs(bowl, NOON + step * DAY) for step in (-1, 0, 1, 4, 5)] == [100, 60, 60, 60, 100]


def test_the_same_price_again_writes_nothing(bowl: Variant) -> None:
    assert put(bowl, 100)
    before = timeline(bowl)

    assert not put(bowl, 100, now=NOON + DAY)
    assert timeline(bowl) == before


def test_currencies_and_sales_channels_do_not_touch_each_other(bowl: Variant) -> None:
    put(bowl, 100)
    put(bowl, 120, "USD")
    put(bowl, 90, sales_channel="mobile")

    assert (costs(bowl, NOON), costs(bowl, NOON, "USD")) == (100, 120)
    assert Price.objects.count() == 3


@pytest.mark.parametrize("amount", [-1, prices.DEAREST + 1, 2**70])
def test_an_amount_out_of_range_is_refused(bowl: Variant, amount: int) -> None:
    with pytest.raises(prices.BadPrice):
        put(bowl, amount)

    assert not Price.objects.exists()


@pytest.mark.parametrize("currency", ["", "EURO", "eur", "XXX", "DEM", "€", "E\x00R"])
def test_a_currency_that_is_none_is_refused(bowl: Variant, currency: str) -> None:
    with pytest.raises(prices.BadPrice) as refused:
        put(bowl, 1, currency)

    assert [error["code"] for error in refused.value.errors] == ["unknown_currency"]
    assert not Price.objects.exists()


def test_the_dearest_price_is_kept_exactly(bowl: Variant) -> None:
    put(bowl, prices.DEAREST)

    assert costs(bowl, NOON) == 999_999_999_999


def test_a_price_that_has_ended_before_it_begins_is_refused(bowl: Variant) -> None:
    put(bowl, 100)

    with pytest.raises(prices.BadPrice):
        put(bowl, 90, valid_to=NOON - DAY)

    assert timeline(bowl) == [(100, ALWAYS, None)]


def test_many_prices_cost_as_many_queries_as_one(
    bowl: Variant, django_assert_max_num_queries: Any
) -> None:
    others = [
        Variant.objects.create(master=bowl.master, sku=f"S{n}", option_key=f"{n}")
        for n in range(50)
    ]
    for time in range(2):
        with django_assert_max_num_queries(4):
            moved = prices.set_prices(
                [(variant.pk, Offer(100 + time, "EUR")) for variant in others], now=NOON
            )
        assert moved == {variant.pk for variant in others}

    assert timeline(others[0]) == [(100, ALWAYS, NOON), (101, NOON, None)]


def test_a_price_that_is_ended_stays_as_history(bowl: Variant) -> None:
    put(bowl, 100)
    put(bowl, 80, valid_from=NOON + DAY)

    prices.end_prices([bowl.pk], currency="EUR", now=NOON)

    assert timeline(bowl) == [(100, ALWAYS, NOON), (80, NOON + DAY, None)]
    assert costs(bowl, NOON) is None
