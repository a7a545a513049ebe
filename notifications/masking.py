"""Addresses as staff see them: enough to tell them apart, too little to write there."""

from urllib.parse import urlsplit

import orjson

from notifications.models import Subscription

HIDDEN = "…"
Channel = Subscription.Channel


def masked(subscription: Subscription) -> str:
    """The host of a webhook, whose path may open it; of people the end of what they have."""
    address = subscription.address
    if subscription.channel == Channel.WEBHOOK:
        return _host(address)
    if address.startswith("{"):
        # a browser's subscription
        return _host(str(orjson.loads(address).get("endpoint", "")))
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}{HIDDEN}@{domain}" if at else f"{HIDDEN}{address[-2:]}"


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        place = f"{parts.hostname or HIDDEN}{f':{parts.port}' if parts.port else ''}"
    except ValueError:
        return HIDDEN
    return f"{place}/{HIDDEN}" if parts.path.strip("/") or parts.query else place
