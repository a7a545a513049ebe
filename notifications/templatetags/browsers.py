"""The switch by which somebody is told in this very browser."""

from __future__ import annotations

from typing import Any

from django import template

from notifications.audiences import user_topic
from notifications.channels import webpush

register = template.Library()


@register.inclusion_tag("notifications/_browser.html", takes_context=True)
def browser_switch(
    context: template.Context, topic: str = "", owner_id: int | None = None
) -> dict[str, Any]:
    """Of one topic; of all that the reader is told, without one or if it is their own."""
    user_id = context["user"].pk
    is_own = not topic or (user_id is not None and user_id == owner_id)
    return {
        "topic": user_topic(user_id) if is_own else topic,
        "is_own": is_own,
        "key": webpush.public_key(),
    }
