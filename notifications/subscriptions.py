"""Subscriptions: standing wishes to be told of a topic, by a channel, at an address."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from museo.access.encryption import seal
from notifications import log
from notifications.channels.signatures import SECRET_PREFIX
from notifications.models import Subscription

# as the Standard Webhooks specification has them: 24 to 64 bytes
SECRET_BYTES = 32


@dataclass(frozen=True)
class NewSubscription:
    """A subscription, and the secret by which its receiver knows us, which is shown once."""

    subscription: Subscription
    secret: str = field(repr=False)


def begin(
    *,
    topic: str,
    channel: Subscription.Channel,
    address: str,
    who: str,
    types: Collection[str] = (),
    locale: str,
    now: datetime,
) -> NewSubscription:
    """From now on; for the same address of the same caller, that one with a new secret.

    Whoever calls this has asked whether `who` may read the topic.
    """
    secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    wanted = {"types": sorted(set(types)), "locale": locale, "secret": seal(secret)}
    subscription, _is_new = Subscription.objects.update_or_create(
        topic=topic,
        channel=channel,
        address=address,
        who=who,
        defaults=wanted,
        create_defaults={**wanted, "after": log.state().head, "created_at": now},
    )
    return NewSubscription(subscription, secret)


def by_ticket(token_hash: str) -> str:
    """Whose a subscription is that somebody made by an order ticket."""
    return f"ticket:{token_hash}"


def end(whose: Collection[str]) -> int:
    """End those of callers who may no longer read what they asked for; return how many."""
    return Subscription.objects.of(whose).delete()[0]
