"""Ending what is sent to a person by the address in each letter, without signing in (RFC 8058).

The address is signed and names one subscription; it ends that one and shows nothing of it. Who only
looks at it (people, and the scanners of mailboxes) changes nothing.
"""

from __future__ import annotations

from django.conf import settings
from django.core import signing
from django.utils.translation import gettext as _

from notifications import subscriptions
from notifications.models import Subscription

# what such an address begins with, below the shop's own
PATH = "stop"
SALT = "unsubscribe"
# what a subscription says that was ended so
REASON = "unsubscribed"


def url(subscription: Subscription) -> str:
    """The same for as long as the subscription is there."""
    signed = _signer().sign(subscription.public_id)
    return f"{settings.MUSEO_PUBLIC_URL}/{PATH}/{signed}"


def find(signed: str) -> Subscription:
    """The subscription of such an address; raise UnknownSubscription."""
    try:
        public_id = _signer().unsign(signed)
    except signing.BadSignature as error:
        raise _unknown() from error
    found = Subscription.objects.filter(public_id=public_id).first()
    if found is None:
        raise _unknown()
    return found


def has_ended(subscription: Subscription) -> bool:
    return subscription.state == Subscription.State.DISABLED


def end(subscription: Subscription) -> bool:
    """Send nothing more to it, and what waits neither; whether it ran."""
    running = Subscription.objects.filter(pk=subscription.pk).exclude(
        state=Subscription.State.DISABLED
    )
    ended = running.update(state=Subscription.State.DISABLED, reason=REASON)
    subscription.refresh_from_db()
    return bool(ended)


def _signer() -> signing.Signer:
    return signing.Signer(salt=SALT, sep=".")


def _unknown() -> subscriptions.UnknownSubscription:
    return subscriptions.UnknownSubscription(
        _("This address is not one of ours, or what it was for has ended.")
    )
