"""What goes over the wire to who subscribed to an MCP event (draft SEP-3415, webhook delivery).

A body without a `type` is an event: `{eventId, name, timestamp, data, cursor}`. One with a `type`
says something of the subscription: `verification` asks the address whether it wants to be told,
`gap` that something cannot be told any more, `terminated` that the subscription has ended. All are
signed as webhooks are, and name the subscription in `X-MCP-Subscription-Id`.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import orjson

from notifications.channels import webhook_wire
from notifications.channels.webhook_wire import Letter
from notifications.envelope import render
from notifications.models import Event, Subscription

SUBSCRIPTION = "X-MCP-Subscription-Id"
# the draft's codes of errors, as JSON-RPC has them
NOT_FOUND, FORBIDDEN, EXHAUSTED, UNSUPPORTED, CALLBACK = -32011, -32012, -32013, -32014, -32015
ENDED = {
    "code": FORBIDDEN,
    "message": "Who subscribed may no longer read this.",
    "data": {"reason": "not_allowed"},
}


def letter(subscription: Subscription, event: Event, *, cursor: str) -> Letter:
    """An event; who keeps `cursor` misses nothing by coming back with it."""
    envelope = render(event, subscription.locale)
    told = {
        "eventId": envelope["id"],
        "name": subscription.event,
        "timestamp": envelope["timestamp"],
        "data": {**envelope["data"], "type": event.type},
        "cursor": cursor,
    }
    about = {**webhook_wire.place(event), SUBSCRIPTION: subscription.public_id}
    return webhook_wire.of(subscription, id=envelope["id"], told=told, about=about)


def verification(subscription: Subscription, challenge: str) -> Letter:
    """Asks for the challenge back: whoever is there wants to be told."""
    return _control(subscription, {"type": "verification", "challenge": challenge})


def is_answered(body: bytes, challenge: str) -> bool:
    """Whether an answer has the challenge, compared so that the time it takes tells nothing."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    echo = said.get("challenge") if isinstance(said, dict) else None
    return isinstance(echo, str) and hmac.compare_digest(echo.encode(), challenge.encode())


def gap(subscription: Subscription, *, cursor: str) -> Letter:
    """Something up to the cursor was not told, and will not be."""
    return _control(subscription, {"type": "gap", "cursor": cursor})


def terminated(subscription: Subscription) -> Letter:
    """The last that is told: who subscribed may no longer read what they asked for."""
    return _control(subscription, {"type": "terminated", "error": ENDED})


def _control(subscription: Subscription, told: Mapping[str, Any]) -> Letter:
    id = f"msg_{told['type']}_{uuid4().hex}"
    about = {SUBSCRIPTION: subscription.public_id}
    return webhook_wire.of(subscription, id=id, told=told, about=about)
