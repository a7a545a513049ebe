"""Where a person wants to be told all that concerns them, besides the page: addresses of theirs.

Each is a subscription of the person's own topic; how it is made, confirmed and ended is as always.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from museo.access.callers import Caller
from museo.access.problems import Invalid, NotSignedIn
from notifications import channels, subscribing, subscriptions
from notifications.audiences import user_topic
from notifications.models import Subscription, SubscriptionQuerySet

# whose addresses people know and type; browsers say theirs themselves
TYPED = (Subscription.Channel.EMAIL, Subscription.Channel.SMS, Subscription.Channel.WHATSAPP)
State = Subscription.State


def of(caller: Caller) -> SubscriptionQuerySet:
    """Those of a person, oldest first, browsers among them."""
    if caller.user_id is None:
        return Subscription.objects.none()
    own = Subscription.objects.of([caller.who]).about(user_topic(caller.user_id))
    return own.filter(channel__in=channels.CHANNELS).order_by("pk")


def show(caller: Caller) -> list[dict[str, Any]]:
    """What the page says of each, in the active language."""
    return [
        {
            "id": each.public_id,
            "channel": channels.CHANNELS[each.channel].label(),
            "address": each.address if each.channel in TYPED else "",
            "since": each.created_at,
            "is_waiting": each.state == State.UNCONFIRMED,
            "has_ended": each.state in (State.DISABLED, State.PAUSED),
        }
        for each in of(caller)
    ]


def choices() -> list[dict[str, Any]]:
    """The channels that an address can be typed for, in this shop."""
    return [each for each in channels.describe() if each["code"] in TYPED and each["configured"]]


def add(caller: Caller, *, channel: str, address: str, now: datetime) -> Subscription:
    """Told from now on, or once it is confirmed; raises what `subscribing.create` raises."""
    if caller.user_id is None:
        raise NotSignedIn(_("Sign in to choose what you are told."))
    if channel not in TYPED:
        raise Invalid(_("Choose one of the channels that are offered."))
    return subscribing.create(
        caller, topics=[user_topic(caller.user_id)], channel=channel, address=address, now=now
    ).subscription


def find(caller: Caller, public_id: str) -> Subscription:
    """Raise UnknownSubscription for one that is not among a person's addresses."""
    found = of(caller).filter(public_id=public_id).first() if public_id.isprintable() else None
    if found is None:
        raise subscriptions.unknown()
    return found
