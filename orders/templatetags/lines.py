"""What lines of baskets and orders are called in templates."""

from collections.abc import Mapping
from typing import Any

from django import template

from catalog import modifiers

register = template.Library()


@register.filter
def whole_name(line: Mapping[str, Any]) -> str:
    return modifiers.whole_name(line["name"], line["modifiers"])
