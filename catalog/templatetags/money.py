"""Amounts as people read them."""

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.translation import get_language

from catalog.money import Money

register = template.Library()


@register.filter
def money(value: Mapping[str, Any]) -> str:
    """`{"amount": 8400, "currency": "EUR"}` as €84.00 or 84,00 €, by the active language."""
    return Money(value["amount"], str(value["currency"])).shown(get_language() or "en")
