"""The JSON form of an event: the same on SSE, WebSocket, webhook, REST and MCP."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext, override

from notifications.models import Event


def render(event: Event, locale: str) -> dict[str, Any]:
    """A pure function of the event's row and the locale; texts are put into `data`."""
    return {
        "id": f"evt_{event.uid.hex}",
        "type": event.type,
        "timestamp": timestamp(event.at),
        "topic": event.topic,
        "position": event.position,
        "version": event.version,
        "data": {**event.data, **render_texts(event.texts, locale)},
    }


def render_texts(texts: Mapping[str, Any], locale: str) -> dict[str, str]:
    """`{"status_message": ["order.confirmed.message", {…}]}` as readable text."""
    if not texts:
        return {}
    with override(locale):
        return {name: gettext(key) % params for name, (key, params) in texts.items()}


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC, with milliseconds: `2026-11-20T20:10:00.123Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
