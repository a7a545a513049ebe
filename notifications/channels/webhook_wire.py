"""What goes over the wire to a webhook: an event, signed after the Standard Webhooks specification.

`webhook-id` is the event's id, the same however often it is sent; position, version and topic let
a receiver prove that nothing is missing, and put in order what came late.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from museo.access.encryption import unseal
from notifications.channels import signatures
from notifications.envelope import flat, render
from notifications.models import Event, Subscription

AGENT = "Museo-Webhooks/1"
MASK = "***"


@dataclass(frozen=True)
class Letter:
    """What is sent, and what it is signed with; `secrets` are the newest first."""

    id: str
    body: bytes
    headers: Mapping[str, str]
    secrets: tuple[tuple[str, datetime | None], ...] = field(repr=False)

    def masked(self, text: str) -> str:
        """The text without our secrets, whoever put them there."""
        for secret, _until in self.secrets:
            for form in (secret, secret.removeprefix(signatures.SECRET_PREFIX)):
                text = text.replace(form, MASK)
        return text


@dataclass(frozen=True)
class Request:
    headers: dict[str, str]
    body: bytes

    def excerpt(self) -> str:
        """The headers that say which request it was; the body is in the log."""
        told = {**self.headers, signatures.SIGNATURE: MASK}
        return "\n".join(f"{name}: {value}" for name, value in told.items())


def letter(subscription: Subscription, event: Event) -> Letter:
    """An event as this subscription wants it written."""
    envelope = render(event, subscription.locale)
    is_flat = subscription.shape == Subscription.Shape.FLAT
    told = flat(envelope) if is_flat else envelope
    return of(subscription, id=envelope["id"], told=told, about=place(event))


def place(event: Event) -> dict[str, str]:
    """The headers that say where in the log an event is, and which call it came of."""
    return {
        **({"x-correlation-id": event.call} if event.call else {}),
        "museo-position": str(event.position),
        "museo-version": str(event.version),
        "museo-topic": event.topic,
    }


def of(
    subscription: Subscription, *, id: str, told: Mapping[str, Any], about: Mapping[str, str]
) -> Letter:
    """Anything that is told to a subscription's address."""
    secrets: list[tuple[str, datetime | None]] = [(unseal(subscription.secret), None)]
    if subscription.previous_secret:
        secrets.append((unseal(subscription.previous_secret), subscription.previous_secret_until))
    return Letter(id, orjson.dumps(told), about, tuple(secrets))


def request(letter: Letter, *, at: datetime) -> Request:
    """The letter as it goes out now."""
    valid = [secret for secret, until in letter.secrets if until is None or at < until]
    signed = signatures.headers(valid, id=letter.id, at=at, body=letter.body)
    general = {"content-type": "application/json", "user-agent": AGENT}
    return Request({**general, **signed, **letter.headers}, letter.body)
