"""Money that adds up: lines, discount, delivery, tip and tax, in every combination."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.money import DifferentCurrencies, Money, NoAmount
from orders.pricing import Fee, Line, Quote, Reduction, allocate, quote
from orders.taxes import Rate, Rates

CLASSES = ["standard", "food", "books", "exempt"]
amounts = st.integers(0, 10**9)


def a_line(
    number: int = 1, *, price: int = 1000, quantity: int = 1, tax_class: str = "standard"
) -> Line:
    return Line(
        id=number,
        variant_id=number,
        sku=f"SKU-{number}",
        slug="",
        name="",
        image="",
        quantity=quantity,
        unit_price=price,
        unit_price_seen=price,
        is_for_sale=True,
        tax_class=tax_class,
    )


@st.composite
def lines_of_a_basket(draw: st.DrawFn) -> list[Line]:
    drawn = st.tuples(amounts, st.integers(1, 999), st.sampled_from(CLASSES))
    return [
        a_line(number, price=price, quantity=quantity, tax_class=tax_class)
        for number, (price, quantity, tax_class) in enumerate(draw(st.lists(drawn, max_size=6)), 1)
    ]


rates_of_a_country = st.dictionaries(
    st.sampled_from(CLASSES), st.builds(Rate, st.integers(0, 10_000), st.booleans())
)
reductions = st.builds(
    Reduction,
    variant_ids=st.frozensets(st.integers(1, 6)),
    basis_points=st.just(0),
    amount=amounts,
    is_delivery_free=st.booleans(),
) | st.builds(
    Reduction, variant_ids=st.frozensets(st.integers(1, 6)), basis_points=st.integers(0, 10_000)
)
fees = st.none() | st.builds(Fee, amounts, st.sampled_from(CLASSES))


def part(found: Quote, kind: str) -> int:
    return sum(part["amount"] for part in found.totals if part["type"] == kind)


@given(lines_of_a_basket(), rates_of_a_country, st.none() | reductions, fees, amounts)
def test_the_parts_add_up_in_every_case(
    lines: list[Line], rates: Rates, reduction: Reduction | None, fee: Fee | None, tip: int
) -> None:
    found = quote(lines, currency="EUR", rates=rates, reduction=reduction, delivery=fee, tip=tip)

    counted = [part for part in found.totals[:-1] if part["type"] != "tax" or not part["included"]]
    assert sum(part["amount"] for part in counted) == found.total
    assert found.total >= 0
    assert part(found, "items") == sum(line.total for line in lines)
    fee_off = fee.amount if fee and reduction and reduction.is_delivery_free else 0
    assert -part(found, "discount") == sum(line.discount for line in found.lines) + fee_off
    fee_paid = found.total - part(found, "tip") - sum(line.paid for line in found.lines)
    assert (fee.amount - fee_off if fee else 0) <= fee_paid
    for line in found.lines:
        assert 0 <= line.discount <= line.total
        assert 0 <= line.tax <= line.total - line.discount
    assert found.totals[-1]["type"] == "total"


@given(lines_of_a_basket(), st.integers(0, 5000), st.booleans())
def test_tax_is_rounded_once_for_each_line(
    lines: list[Line], basis_points: int, is_included: bool
) -> None:
    rates = {"standard": Rate(basis_points, is_included)}

    found = quote(
        [replace(line, tax_class="standard") for line in lines], currency="EUR", rates=rates
    )

    base = 10_000 + (basis_points if is_included else 0)
    for line in found.lines:
        # within half a unit of the exact tax
        assert abs(2 * (line.tax * base - line.total * basis_points)) <= base
    assert part(found, "tax") == sum(line.tax for line in found.lines)


@given(st.lists(amounts, max_size=8), st.integers(0, 10_000))
def test_what_is_shared_out_is_all_there_and_no_part_exceeds_its_weight(
    weights: list[int], thousandths: int
) -> None:
    amount = sum(weights) * thousandths // 10_000

    parts = allocate(amount, weights)

    assert sum(parts) == amount
    assert all(0 <= part <= weight for part, weight in zip(parts, weights, strict=True))


def totals(found: Quote) -> list[tuple[str, int]]:
    return [(part["type"], part["amount"]) for part in found.totals]


def test_a_tax_that_prices_include_changes_no_sum_and_one_on_top_does() -> None:
    lamp = [a_line(price=12550)]

    included = quote(lamp, currency="EUR", rates={"standard": Rate(2550)})
    on_top = quote(lamp, currency="USD", rates={"standard": Rate(800, is_included=False)})

    assert totals(included) == [("items", 12550), ("tax", 2550), ("total", 12550)]
    assert totals(on_top) == [("items", 12550), ("tax", 1004), ("total", 13554)]


def test_a_class_without_a_rate_has_the_standard_one_and_an_exempt_one_none() -> None:
    lines = [a_line(1, tax_class="books"), a_line(2, tax_class="exempt")]

    found = quote(lines, currency="EUR", rates={"standard": Rate(2500)})

    assert [line.tax for line in found.lines] == [200, 0]


def test_a_coupon_takes_off_its_lines_alone_and_less_tax_is_owed() -> None:
    lines = [a_line(1, price=1000), a_line(2, price=3333)]
    reduction = Reduction(frozenset({2}), basis_points=1000)

    found = quote(lines, currency="EUR", rates={"standard": Rate(2500)}, reduction=reduction)

    assert [line.discount for line in found.lines] == [0, 333]
    assert [line.tax for line in found.lines] == [200, 600]
    assert totals(found) == [("items", 4333), ("discount", -333), ("tax", 800), ("total", 4000)]


def test_a_fixed_coupon_takes_off_no_more_than_its_lines_cost() -> None:
    lines = [a_line(1, price=1000), a_line(2, price=500)]

    found = quote(
        lines, currency="EUR", rates={}, reduction=Reduction(frozenset({2}), amount=800), tip=100
    )

    assert totals(found) == [("items", 1500), ("discount", -500), ("tip", 100), ("total", 1100)]


def test_free_delivery_takes_off_the_fee_and_its_tax() -> None:
    found = quote(
        [a_line(tax_class="exempt")],
        currency="EUR",
        rates={"standard": Rate(2500)},
        reduction=Reduction(is_delivery_free=True),
        delivery=Fee(390),
    )

    assert totals(found) == [
        ("items", 1000),
        ("discount", -390),
        ("delivery", 390),
        ("total", 1000),
    ]


def test_money_knows_the_digits_of_its_currency_and_how_readers_write_it() -> None:
    assert Money(8400, "EUR").shown("en") == "€84.00"
    assert Money(8400, "EUR").shown("de") == "84,00\N{NO-BREAK SPACE}€"
    assert Money(8400, "JPY").shown("en") == "¥8,400"
    assert Money(2, "EUR") * 3 + Money(1, "EUR") + -Money(4, "EUR") == Money(3, "EUR")
    assert Money(1, "EUR").as_dict() == {"amount": 1, "currency": "EUR"}
    with pytest.raises(DifferentCurrencies):
        Money(1, "EUR") + Money(1, "USD")


@pytest.mark.parametrize(
    ("text", "currency", "amount"), [("8.40", "EUR", 840), ("8,4", "EUR", 840), ("12", "JPY", 12)]
)
def test_an_amount_is_read_as_people_type_it(text: str, currency: str, amount: int) -> None:
    assert Money.typed(text, currency) == Money(amount, currency)


@pytest.mark.parametrize(
    "text", ["", "-1", "1.005", "ten", "1e9", "٣", "9" * 16, "999999999999999", "1.2.3", "\x00"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(NoAmount):
        Money.typed(text, "EUR")
