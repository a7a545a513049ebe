"""The API's times in templates."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.dateparse import parse_datetime

register = template.Library()


@register.filter
def iso(text: str) -> datetime | None:
    """`2026-11-20T20:10:00.123Z` on the shop's own clock."""
    moment = parse_datetime(text)
    return timezone.localtime(moment) if moment else None
