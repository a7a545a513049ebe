"""Amounts as staff type them, with the digits of the shop's currency."""

from dataclasses import replace
from math import inf

import pytest
from django.core.exceptions import ValidationError

from catalog import prices, shop
from catalog.forms import MoneyField


@pytest.fixture(params=[("EUR", "84.00", 8400), ("JPY", "84", 84), ("KWD", "84.005", 84005)])
def example(request: pytest.FixtureRequest) -> tuple[str, int]:
    currency, typed, amount = request.param
    shop.keep(replace(shop.current(), currency=currency), seconds=inf)
    return typed, amount


def test_what_is_typed_is_kept_in_minor_units_and_shown_again(example: tuple[str, int]) -> None:
    typed, amount = example

    assert MoneyField().clean(typed) == amount
    assert str(MoneyField().prepare_value(amount)) == typed
    assert not MoneyField().has_changed(amount, typed)


def test_a_comma_does_as_well_as_a_point(example: tuple[str, int]) -> None:
    typed, amount = example

    assert MoneyField().clean(typed.replace(".", ",")) == amount
    with pytest.raises(ValidationError):
        MoneyField().clean("1,000.00")


def test_parts_of_the_smallest_coin_are_refused(example: tuple[str, int]) -> None:
    typed, _amount = example

    with pytest.raises(ValidationError, match="decimal places"):
        MoneyField().clean(f"{typed}9" if "." in typed else f"{typed}.9")


def test_the_dearest_is_taken_and_no_more(example: tuple[str, int]) -> None:
    dearest = MoneyField().prepare_value(prices.DEAREST)

    assert MoneyField().clean(str(dearest)) == prices.DEAREST
    with pytest.raises(ValidationError):
        MoneyField().clean(str(dearest + 1))
