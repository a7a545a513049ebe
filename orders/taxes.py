"""Taxes by country and tax class: rates with their validity as data, and what an amount owes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from catalog.models import ALWAYS, Master
from orders.terms import Kept

# all of an amount, in basis points
WHOLE = 10_000
STANDARD, EXEMPT = str(Master.TaxClass.STANDARD), str(Master.TaxClass.EXEMPT)


class TaxRate(models.Model):
    """What a country takes of a tax class; a class without a rate has the standard one."""

    country = models.CharField(_("country, two letters"), max_length=2)
    tax_class = models.CharField(
        _("tax class"), max_length=20, choices=Master.TaxClass, default=Master.TaxClass.STANDARD
    )
    # 2550 is 25.5 %
    basis_points = models.PositiveIntegerField(_("rate in basis points"))
    # prices contain it (value added tax), or it is added to them (sales tax)
    is_included = models.BooleanField(_("prices include it"), default=True)
    valid_from = models.DateTimeField(_("valid from"), default=ALWAYS)
    valid_to = models.DateTimeField(_("valid to"), null=True, blank=True)

    class Meta:
        verbose_name = _("tax rate")
        verbose_name_plural = _("tax rates")
        constraints = [
            models.UniqueConstraint(
                fields=["country", "tax_class", "valid_from"],
                name="one_tax_rate_per_country_class_and_time",
            ),
            models.CheckConstraint(
                condition=Q(basis_points__lte=WHOLE), name="tax_rate_up_to_100_percent"
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")),
                name="tax_rate_ends_after_its_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.country} {self.tax_class} {self.basis_points / 100:g} %"


@dataclass(frozen=True)
class Rate:
    """`is_included`: amounts contain the tax, or it comes on top of them."""

    basis_points: int
    is_included: bool = True

    def of(self, amount: int) -> int:
        """The tax in or on an amount, rounded once, half a unit up."""
        base = WHOLE + self.basis_points if self.is_included else WHOLE
        return (2 * amount * self.basis_points + base) // (2 * base)


NO_TAX = Rate(0)
# by tax class
Rates = Mapping[str, Rate]


def of_class(rates: Rates, tax_class: str) -> Rate:
    """The rate of a class, or the standard one; none where a country has neither."""
    if tax_class == EXEMPT:
        return rates.get(EXEMPT, NO_TAX)
    return rates.get(tax_class) or rates.get(STANDARD, NO_TAX)


def rates(country: str, *, now: datetime, stamp: str | None = None) -> Rates:
    """The rates of a country that are valid now; of several the one that began last."""
    return {
        row.tax_class: Rate(row.basis_points, row.is_included)
        for row in RATES.get(stamp).get(country.upper(), ())
        if row.valid_from <= now and (row.valid_to is None or row.valid_to > now)
    }


def _of_countries() -> Mapping[str, Sequence[TaxRate]]:
    found: dict[str, list[TaxRate]] = defaultdict(list)
    for row in TaxRate.objects.order_by("valid_from"):
        found[row.country].append(row)
    return dict(found)


RATES = Kept(_of_countries)
