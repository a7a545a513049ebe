"""Structured data in a page: a block that machines read and no browser runs."""

from collections.abc import Mapping
from typing import Any

import orjson
from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()
# as Django does it: nothing in it ends the block, or begins another
ESCAPES = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&"}


@register.filter
def json_ld(told: Mapping[str, Any]) -> SafeString:
    text = orjson.dumps(told).decode().translate(ESCAPES)
    return format_html('<script type="application/ld+json">{}</script>', SafeString(text))
