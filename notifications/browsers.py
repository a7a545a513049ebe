"""Browsers that are told: as they are named to others, and when their push service moves them.

The address of a browser is a secret: only that browser has it, and we. So it is never shown, and
who brings it speaks for that browser, with or without a session: its service worker has none.
"""

from __future__ import annotations

import hashlib

import orjson
from django.db import IntegrityError, transaction

from notifications import subscriptions
from notifications.channels import webpush
from notifications.channels.message import BadAddress
from notifications.models import Subscription

GONE = "gone"
State = Subscription.State


def name(address: str) -> str:
    """What is shown of an address: by it a browser knows itself, and nobody reaches it."""
    endpoint = str(orjson.loads(address)["endpoint"])
    return f"sha256:{hashlib.sha256(endpoint.encode()).hexdigest()}"


def move(*, before: str, after: str) -> int:
    """What a browser was told at one address it is told at another; return how many wishes.

    What had ended because nobody was there any more goes on. Raises BadAddress.
    """
    known = _known_as(before)
    address = webpush.check(after)
    browsers = Subscription.objects.filter(channel=Subscription.Channel.WEBPUSH)
    moved = 0
    for pk in list(browsers.filter(address=known).order_by("pk").values_list("pk", flat=True)):
        try:
            with transaction.atomic():
                moved += browsers.filter(pk=pk, address=known).update(address=address)
                lost = browsers.filter(pk=pk, state=State.DISABLED, reason=GONE)
                lost.update(**subscriptions.AS_NEW)
        except IntegrityError:
            # it has asked for the same at the new address already
            moved += subscriptions.remove(browsers.filter(pk=pk, address=known))
    return moved


def _known_as(address: str) -> str:
    """As it is kept; one that can be none is nobody's."""
    try:
        return webpush.check(address)
    except BadAddress:
        return ""
