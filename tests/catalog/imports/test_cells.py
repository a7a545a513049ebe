"""Cells are read as people write them, and nothing is guessed that could cost money."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.imports import cells, columns
from catalog.imports.planning import READERS
from catalog.imports.problems import CannotImport, RowRefused


@pytest.mark.parametrize(
    ("cell", "cents"),
    [
        ("84", 8400),
        ("84.5", 8450),
        ("84,05", 8405),
        ("1.234,50", 123450),
        ("1,234.50", 123450),
        ("1 234,50", 123450),
        ("1'234.50", 123450),
        ("1.234.567,00", 123456700),
        ("0", 0),
        ("84.000,00", 8400000),
    ],
)
def test_prices_are_exact(cell: str, cents: int) -> None:
    assert cells.price(cell, "EUR") == cents


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("1.234", "price_fraction"),
        ("1,005", "price_fraction"),
        ("-1", "price_negative"),
        ("-0.01", "price_negative"),
        ("10000000000", "price_too_high"),
        ("9" * 40, "price_too_high"),
        ("1e3", "price_invalid"),
        ("NaN", "price_invalid"),
        ("1.2.3", "price_invalid"),
        ("12,34,567.00", "price_invalid"),
        ("€.50", "price_invalid"),
        ("12€50", "price_invalid"),
        ("5 €/kg", "price_invalid"),
        ("5 each", "price_invalid"),
        ("€ 1.234", "price_fraction"),
        ("1,234 EUR", "price_fraction"),
        ("-€5", "price_negative"),
        ("€ -5", "price_negative"),
        ("9" * 5000, "price_invalid"),
        ("=1+1", "formula"),
    ],
)
def test_a_price_that_is_none_is_refused(cell: str, code: str) -> None:
    with pytest.raises(RowRefused, match=code):
        cells.price(cell, "EUR")


@pytest.mark.parametrize(
    ("cell", "currency", "amount"),
    [
        ("12,50 €", "EUR", 1250),
        ("€ 12.50", "EUR", 1250),
        ("€12", "EUR", 1200),
        ("EUR 1.234,50", "EUR", 123450),
        ("12.50\u00a0eur", "EUR", 1250),
        ("1\u202f234,50\u202f€", "EUR", 123450),
        ("12.50 USD", "USD", 1250),
        ("$12.50", "USD", 1250),
        ("US$ 12.50", "USD", 1250),
        # it says no more than the column does
        ("$12.50", "CAD", 1250),
        ("CA$12.50", "CAD", 1250),
        ("¥1200", "JPY", 1200),
        ("￥1200", "JPY", 1200),
        ("CHF 1'234.50", "CHF", 123450),
        ("kr. 12,50", "DKK", 1250),
        ("12,50 zł", "PLN", 1250),
        ("\u200f12.50 ر.س.\u200f", "SAR", 1250),
    ],
)
def test_a_price_may_say_its_currency(cell: str, currency: str, amount: int) -> None:
    assert cells.price(cell, currency) == amount


@pytest.mark.parametrize(
    ("cell", "currency", "written"),
    [
        ("12.50 USD", "EUR", "USD"),
        ("$12.50", "EUR", "$"),
        ("US$ 12.50", "CAD", "US$"),
        ("CA$12.50", "USD", "CA$"),
        ("12,50 €", "USD", "€"),
        ("EUR 12.50 USD", "EUR", "USD"),
        ("£5", "JPY", "£"),
    ],
)
def test_a_price_in_another_currency_is_refused_and_says_which(
    cell: str, currency: str, written: str
) -> None:
    with pytest.raises(RowRefused) as refused:
        cells.price(cell, currency)

    said = {"code": "price_currency", "written": written, "currency": currency}
    assert refused.value.reason == said


def test_a_point_between_sign_and_number_is_not_guessed() -> None:
    """`kr.` ends with a point: this is 50 kroner, or half of one."""
    with pytest.raises(RowRefused, match="price_invalid"):
        cells.price("kr.50", "DKK")


def test_a_currency_without_cents_has_none() -> None:
    assert cells.price("1200", "JPY") == 1200
    with pytest.raises(RowRefused, match="price_fraction"):
        cells.price("1200.5", "JPY")


@pytest.mark.parametrize("cell", ["../bowl", "A?B", "A#B", "A\\B", "\u202eBOWL", "\u200b"])
def test_a_sku_that_staff_could_not_name_again_is_refused(cell: str) -> None:
    with pytest.raises(RowRefused, match="sku_invalid"):
        cells.sku(cell)


@given(st.integers(0, 10**12 - 1))
def test_every_amount_is_read_as_it_was_written(cents: int) -> None:
    assert cells.price(f"{cents // 100}.{cents % 100:02d}", "EUR") == cents


@given(st.text(max_size=30), st.sampled_from(sorted(columns.LABELS)))
def test_any_text_is_read_or_refused_but_never_breaks(cell: str, field: str) -> None:
    with suppress(RowRefused):
        READERS.get(field, cells.text(160))(cell)
    with suppress(RowRefused):
        cells.price(cell, "EUR")


@pytest.mark.parametrize(
    ("field", "begin", "end"), [("attributes", '{"a":', "}"), ("tags", "[", "]")]
)
def test_a_cell_too_deep_to_be_kept_is_refused(field: str, begin: str, end: str) -> None:
    with pytest.raises(RowRefused, match="object_invalid"):
        READERS[field](begin * 300 + '""' + end * 300)


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        (["SKU", "Title", "Body (HTML)"], ["sku", "name", "description"]),
        (
            ["Artikelnummer", "Bezeichnung", "Preis", "Lagerbestand", "Kategorie", "Marke"],
            ["sku", "name", "price", "stock", "category", "brand"],
        ),
        (
            ["Référence", "Nom", "Prix", "Quantité", "Catégorie"],
            ["sku", "name", "price", "stock", "category"],
        ),
        (["referencia", "nombre", "precio", "existencias"], ["sku", "name", "price", "stock"]),
        (["رمز", "الاسم", "السعر"], ["sku", "name", "price"]),
        (
            ["sku", "Name (de)", "name:fr", "name_xx", "Preis EUR", "list_price:USD"],
            ["sku", "name:de", "name:fr", "", "price:EUR", "list_price:USD"],
        ),
        (["sku", "SKU", "option:Colour", "whatever"], ["sku", "", "option:Colour", ""]),
    ],
)
def test_the_meaning_of_columns_is_guessed_in_the_shops_languages(
    header: list[str], fields: list[str]
) -> None:
    assert columns.guess(header) == fields


@pytest.mark.parametrize(
    "mapping",
    [["name", "price"], ["sku", "sku"], ["sku"], ["sku", "cost"], ["sku", "name:xx"]],
)
def test_a_mapping_that_cannot_be_used_is_refused(mapping: list[str]) -> None:
    with pytest.raises(CannotImport, match="mapping"):
        columns.require_usable(mapping, ["a", "b"])


@pytest.mark.parametrize(
    "mapping",
    [
        ["sku", "name", "name:en"],
        ["sku", "description:en", "description"],
        ["sku", "price", "price:EUR"],
        ["sku", "list_price:EUR", "list_price"],
    ],
)
def test_two_columns_that_mean_the_same_are_refused(mapping: list[str]) -> None:
    with pytest.raises(CannotImport, match="mean the same"):
        columns.require_usable(mapping, ["a", "b", "c"])


@pytest.mark.parametrize(
    "mapping",
    [
        ["sku", "name", "name:de", ""],
        ["sku", "price", "price:USD", ""],
        # in which the price is, the row says
        ["sku", "price", "currency", "price:EUR"],
    ],
)
def test_columns_of_several_languages_and_currencies_stand_beside_each_other(
    mapping: list[str],
) -> None:
    columns.require_usable(mapping, ["a", "b", "c", "d"])
