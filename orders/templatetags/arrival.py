"""When a product would be there, for the pages that show it."""

from __future__ import annotations

from typing import Any

from django import template
from django.conf import settings
from django.utils import timezone

from orders import offers

register = template.Library()


@register.simple_tag
def arrival(kind: str) -> dict[str, Any] | None:
    """`at` by the shop's clock, if it were ordered now; None where nothing carries it."""
    now = timezone.now()
    found = offers.soonest(kind, now=now, speed=settings.MUSEO_CLOCK_SPEED)
    if found is None:
        return None
    option, at = found
    here = timezone.localtime(at)
    return {
        "at": here,
        "is_today": here.date() == timezone.localdate(now),
        "needs_address": option.needs_address,
    }
