"""What lines cost: prices, what a coupon takes off, delivery, tip, tax; amounts in minor units.

`quote` is a pure function. Every part of `totals` but a tax that prices include adds up to the
total: a discount is negative. What is taken off and what is owed in tax belongs to lines, rounded
once for each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.utils.translation import gettext

from catalog.modifiers import Chosen, whole_name
from catalog.money import Money
from museo.access.problems import Problem
from museo.directions import isolated
from orders import taxes


class NotForSale(Problem):
    """A line of the basket has no price any more, or its product is gone."""

    status = 409
    code = "not_for_sale"


@dataclass(frozen=True)
class Line:
    """A line with all it shows; `id` is the basket line's."""

    id: int
    variant_id: int
    sku: str
    slug: str
    name: str
    image: str
    quantity: int
    unit_price: int
    # what it cost when it went into the basket
    unit_price_seen: int
    is_for_sale: bool
    kind: str = "physical"
    tax_class: str = taxes.STANDARD
    master_id: int = 0
    category_path: str = ""
    # chosen with each unit; `unit_price` has their prices in it
    modifiers: Sequence[Chosen] = ()
    # it is sold, but not as it was chosen
    is_outdated: bool = False
    # of `total`: what is taken off, and the tax in or on what is left
    discount: int = 0
    tax: int = 0
    tax_basis_points: int = 0
    is_tax_included: bool = True

    @property
    def total(self) -> int:
        return self.unit_price * self.quantity

    @property
    def paid(self) -> int:
        """Less the discount, with a tax that comes on top."""
        return self.total - self.discount + (0 if self.is_tax_included else self.tax)

    @property
    def whole_name(self) -> str:
        return whole_name(self.name, self.as_dict()["modifiers"])

    def as_dict(self) -> dict[str, Any]:
        chosen = [each.as_dict() for each in self.modifiers]
        return {**vars(self), "modifiers": chosen, "total": self.total}


@dataclass(frozen=True)
class Fee:
    """What delivery costs, and how it is taxed."""

    amount: int
    tax_class: str = taxes.STANDARD


@dataclass(frozen=True)
class Reduction:
    """What a coupon takes off: basis points or an amount of some lines, or the delivery."""

    variant_ids: frozenset[int] = frozenset()
    basis_points: int = 0
    amount: int = 0
    is_delivery_free: bool = False


@dataclass(frozen=True)
class Quote:
    """`totals` are `[{"type", "amount", "currency"}]`, the total last."""

    lines: Sequence[Line]
    totals: list[dict[str, Any]]

    @property
    def total(self) -> int:
        return int(self.totals[-1]["amount"])


def money(amount: int, currency: str) -> dict[str, Any]:
    return Money(amount, currency).as_dict()


def in_words(amount: int, currency: str) -> dict[str, str]:
    """An amount as readers of each language write it, for a text of the log; others as in none."""
    languages = {"": "en", **{code: code for code, _name in settings.LANGUAGES}}
    return {code: Money(amount, currency).shown(as_in) for code, as_in in languages.items()}


def chosen(modifiers: Sequence[Mapping[str, Any]], currency: str) -> list[dict[str, Any]]:
    """What a line's modifiers are, as every face shows them."""
    return [{**each, "price": money(each["price"], currency)} for each in modifiers]


def not_for_sale(line: Line) -> NotForSale:
    detail = (
        gettext("%(name)s is not made like this any more. Remove it, and choose again.")
        if line.is_outdated
        else gettext("%(name)s is not for sale any more. Remove it to go on.")
    )
    return NotForSale(detail % {"name": isolated(line.whole_name)}, sku=line.sku)


def quote(
    lines: Sequence[Line],
    *,
    currency: str,
    rates: taxes.Rates,
    reduction: Reduction | None = None,
    delivery: Fee | None = None,
    tip: int = 0,
) -> Quote:
    """What these lines cost together, under the tax rates of one country."""
    reduction = reduction or Reduction()
    shares = _shares(lines, reduction)
    taxed = [_taxed(line, share, rates) for line, share in zip(lines, shares, strict=True)]
    fee = delivery.amount if delivery else 0
    fee_off = fee if reduction.is_delivery_free else 0
    fee_rate = taxes.of_class(rates, delivery.tax_class) if delivery else taxes.NO_TAX
    owed = [
        *((line.is_tax_included, line.tax) for line in taxed),
        (fee_rate.is_included, fee_rate.of(fee - fee_off)),
    ]
    parts: dict[str, int] = {"items": sum(line.total for line in taxed)}
    if off := sum(shares) + fee_off:
        parts["discount"] = -off
    if delivery is not None:
        parts["delivery"] = fee
    if tip:
        parts["tip"] = tip
    added = sum(tax for is_included, tax in owed if not is_included)
    included = sum(tax for is_included, tax in owed if is_included)
    total = sum(parts.values()) + added
    return Quote(
        taxed,
        [
            *({"type": kind, **money(amount, currency)} for kind, amount in parts.items()),
            *_tax(added, currency, is_included=False),
            *_tax(included, currency, is_included=True),
            {"type": "total", **money(total, currency)},
        ],
    )


def _tax(amount: int, currency: str, *, is_included: bool) -> list[dict[str, Any]]:
    return [{"type": "tax", **money(amount, currency), "included": is_included}] if amount else []


def _taxed(line: Line, discount: int, rates: taxes.Rates) -> Line:
    rate = taxes.of_class(rates, line.tax_class)
    return replace(
        line,
        discount=discount,
        tax=rate.of(line.total - discount),
        tax_basis_points=rate.basis_points,
        is_tax_included=rate.is_included,
    )


def _shares(lines: Sequence[Line], reduction: Reduction) -> list[int]:
    """What is taken off each line."""
    worth = [line.total if line.variant_id in reduction.variant_ids else 0 for line in lines]
    percent = (2 * sum(worth) * reduction.basis_points + taxes.WHOLE) // (2 * taxes.WHOLE)
    return allocate(min(percent + reduction.amount, sum(worth)), worth)


def allocate(amount: int, weights: Sequence[int]) -> list[int]:
    """Share an amount out by weight, to the last unit: the parts add up, none exceeds its weight.

    `amount` is at most the sum of the weights. What rounding leaves goes where it cut off most.
    """
    whole = sum(weights)
    if not whole:
        return [0 for _ in weights]
    parts = [amount * weight // whole for weight in weights]
    by_rest = sorted(range(len(weights)), key=lambda i: (-(amount * weights[i] % whole), i))
    for index in by_rest[: amount - sum(parts)]:
        parts[index] += 1
    return parts
