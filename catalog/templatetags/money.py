"""Amounts as people read them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency, get_currency_precision
from django import template
from django.utils.translation import get_language, to_locale

register = template.Library()


@register.filter
def money(value: Mapping[str, Any]) -> str:
    """`{"amount": 8400, "currency": "EUR"}` as €84.00 or 84,00 €, by the active language."""
    currency = str(value["currency"])
    amount = Decimal(value["amount"]).scaleb(-get_currency_precision(currency))
    return format_currency(amount, currency, locale=_locale())


def _locale() -> Locale:
    try:
        return Locale.parse(to_locale(get_language() or "en"))
    except (ValueError, UnknownLocaleError):
        return Locale("en")
