"""An amount of money: an integer in minor units beside its currency (ISO 4217)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency, get_currency_precision, get_currency_symbol
from django.conf import settings
from django.utils.translation import to_locale

_TYPED = re.compile(r"([0-9]{1,15})(?:[.,]([0-9]{1,6}))?")


class DifferentCurrencies(ValueError):
    """Amounts of two currencies cannot be added."""


class NoAmount(ValueError):
    """What was typed is no amount of the currency: no number, negative, parts of a cent."""


# what a column takes, with room to multiply
MOST = 10**15


@dataclass(frozen=True)
class Money:
    """840 EUR is 8.40 euro, 840 JPY is 840 yen: a currency knows its own digits."""

    amount: int
    currency: str

    @classmethod
    def typed(cls, text: str, currency: str) -> Money:
        """Read `8.40` or `8,40`; raise NoAmount."""
        number = _TYPED.fullmatch(text.strip())
        fraction = (number[2] or "") if number else ""
        if number is None or len(fraction) > digits(currency):
            raise NoAmount(text[:40])
        amount = int(number[1] + fraction.ljust(digits(currency), "0"))
        if amount > MOST:
            raise NoAmount(text[:40])
        return cls(amount, currency)

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise DifferentCurrencies(f"{self.currency} and {other.currency}")
        return Money(self.amount + other.amount, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __mul__(self, count: int) -> Money:
        return Money(self.amount * count, self.currency)

    def as_dict(self) -> dict[str, Any]:
        """As the API has it."""
        return {"amount": self.amount, "currency": self.currency}

    def as_decimal(self) -> Decimal:
        """In major units, with all digits of the currency."""
        return Decimal(self.amount).scaleb(-digits(self.currency))

    def shown(self, language: str) -> str:
        """€84.00 or 84,00 €, as readers of a language write it."""
        return _shown(self, language)


@lru_cache(maxsize=4096)
def _shown(money: Money, language: str) -> str:
    return format_currency(money.as_decimal(), money.currency, locale=_locale(language))


@lru_cache(maxsize=512)
def digits(currency: str) -> int:
    """How many come after the point: 2 for EUR, 0 for JPY."""
    return int(get_currency_precision(currency))


@lru_cache(maxsize=512)
def signs(currency: str) -> frozenset[str]:
    """What people write for it, in the shop's languages and where it is paid with: `CA$`, `$`."""
    languages = [_locale(code) for code, _name in settings.LANGUAGES]
    # the code of a currency begins with that of its country, if it has one
    at_home = _locale(f"und-{currency[:2]}")
    return frozenset(
        get_currency_symbol(currency, locale).strip(UNSEEN) for locale in (*languages, at_home)
    )


# what tells in which direction a sign is read
UNSEEN = "\u200e\u200f\u061c"


def _locale(language: str) -> Locale:
    try:
        return Locale.parse(to_locale(language))
    except (ValueError, UnknownLocaleError):
        return Locale("en")
