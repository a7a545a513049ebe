"""The JSON form of an event: the same on SSE, WebSocket, webhook, REST and MCP."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext, override

from museo.directions import isolated
from notifications.models import Event

REMOVED = "[removed]"


def render(event: Event, locale: str) -> dict[str, Any]:
    """A pure function of the event's row and the locale; texts are put into `data`."""
    return {
        "id": f"evt_{event.uid.hex}",
        "type": event.type,
        "timestamp": timestamp(event.at),
        "topic": event.topic,
        "position": event.position,
        "version": event.version,
        "data": {**event.data, **render_texts(event.texts, locale, event.own_text)},
    }


def flat(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """The source documents' shape: the data's fields at top level too."""
    data = envelope["data"]
    order_id = data.get("order_id")
    message = data.get("status_message", data.get("message"))
    return {**data, **envelope, "orderId": order_id, "order_id": order_id, "message": message}


def render_texts(
    texts: Mapping[str, Any], locale: str, own_text: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """`{"status_message": ["order.confirmed.message", {…}]}` as readable text.

    A parameter may be words by language: `{"": "Lamp", "de": "Lampe"}`.
    A name with None is of `own_text`, the event's free text, or was erased with it.
    """
    if not texts:
        return {}
    own_text = own_text or {}
    with override(locale):
        return {
            name: own_text.get(name, REMOVED)
            if text is None
            else _written(text[0], text[1], locale)
            for name, text in texts.items()
        }


def _written(key: str, given: Mapping[str, Any], locale: str) -> str:
    return gettext(key) % {name: _in_language(value, locale) for name, value in given.items()}


def _in_language(value: Any, locale: str) -> Any:
    """Of words by language those of this one, else those under no language."""
    return isolated(value.get(locale, value[""])) if isinstance(value, Mapping) else value


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC, with milliseconds: `2026-11-20T20:10:00.123Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
