"""Being told when a variant that is sold out can be had again: once, by one's own channels.

A guest names a mail address and tells the code that is sent there, for each wish.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from catalog import events, stock
from catalog.models import Master, Variant
from museo.access.callers import Caller
from museo.access.problems import NotSignedIn, Problem
from notifications import channels, contacts, preferences, preferring, subscriptions
from notifications.models import Subscription, SubscriptionQuerySet

EMAIL = Subscription.Channel.EMAIL


class NotSoldOut(Problem):
    """There is nothing to wait for."""

    status = 409
    code = "not_sold_out"


class NoWay(Problem):
    """They want to be told of stock by none of their channels."""

    status = 409
    code = "no_channel"


def ask(caller: Caller, sku: str, *, now: datetime) -> None:
    """Tell them once it is back. Raises NotSignedIn, UnknownSku, NotSoldOut, NoWay."""
    if caller.user_id is None:
        raise NotSignedIn(_("Sign in to be told when it is back."))
    variant = on_sale(sku)
    addresses = _addresses(caller, caller.user_id)
    if not addresses:
        raise NoWay(_("Switch a channel on for what is back in stock, in your preferences."))
    with transaction.atomic():
        for channel, address in addresses:
            _begin(caller, variant, channel, address, now=now)
        # only now: what comes back from here on is told
        _require_sold_out(variant)


def ask_by_mail(caller: Caller, sku: str, address: str, *, now: datetime) -> None:
    """Send a guest the code by which they confirm that the address is theirs, and the wish.

    Whoever asks, nothing else is sent there and no wish that runs is changed. Raises UnknownSku,
    NotSoldOut, BadAddress, and what `contacts.send_code` raises.
    """
    variant = on_sale(sku)
    address = channels.require(EMAIL).check(address)
    _require_sold_out(variant)
    guest = _guest(caller, variant, address)
    contacts.send_code(guest, channel=EMAIL, address=address, locale=caller.locale, now=now)
    with transaction.atomic():
        if not _waiting(guest).exists():
            _begin(guest, variant, EMAIL, address, state=Subscription.State.UNCONFIRMED, now=now)


def confirm_by_mail(caller: Caller, sku: str, address: str, code: str, *, now: datetime) -> None:
    """Tell a guest once it is back. Raises UnknownSku, BadAddress, BadCode, NotSoldOut."""
    variant = on_sale(sku)
    address = channels.require(EMAIL).check(address)
    guest = _guest(caller, variant, address)
    wish = Subscription.objects.of([guest.who]).filter(address=address).first()
    if wish is None:
        raise contacts.bad_code()
    contacts.confirm(wish, code, now=now)
    # only now: what comes back from here on is told
    _require_sold_out(variant)


def _guest(caller: Caller, variant: Variant, address: str) -> Caller:
    """Who has this one wish: what they confirm is that and nothing besides."""
    name = f"{events.stock_topic(variant)}\n{address.lower()}"
    hidden = salted_hmac("museo.guest", name, algorithm="sha256").hexdigest()
    return replace(caller, who=subscriptions.by_guest(hidden))


def _begin(
    caller: Caller, variant: Variant, channel: str, address: str, *, now: datetime, **more: Any
) -> None:
    subscriptions.begin(
        topic=events.stock_topic(variant),
        channel=Subscription.Channel(channel),
        address=address,
        who=caller.who,
        types=[events.BACK],
        locale=caller.locale,
        link=settings.MUSEO_PUBLIC_URL + reverse("product", args=[variant.master.slug]),
        is_once=True,
        now=now,
        **more,
    )


def _require_sold_out(variant: Variant) -> None:
    if not variant.track_stock or stock.available([variant.pk]).get(variant.pk, 0) > 0:
        raise NotSoldOut(_("It can be had again. Put it into your basket."))


def cancel(caller: Caller, sku: str) -> int:
    """They wait no longer; return how many subscriptions that ended."""
    if caller.user_id is None:
        return 0
    return subscriptions.remove(_waiting(caller).filter(topic=events.stock_topic(on_sale(sku))))


def awaited(caller: Caller, variant_ids: Collection[str]) -> set[str]:
    """Those of the variants, by public id, that the caller waits for."""
    if caller.user_id is None or not variant_ids:
        return set()
    topics = [f"{events.PREFIX}.{public_id}" for public_id in variant_ids]
    found = _waiting(caller).filter(topic__in=topics).values_list("topic", flat=True)
    return {topic.removeprefix(f"{events.PREFIX}.") for topic in found}


def _waiting(caller: Caller) -> SubscriptionQuerySet:
    return Subscription.objects.of([caller.who]).filter(
        is_once=True, until=None, state=Subscription.State.ACTIVE
    )


def on_sale(sku: str) -> Variant:
    variants = Variant.objects.select_related("master").filter(is_active=True)
    found = variants.filter(sku=sku, master__in=Master.objects.on_sale())
    variant = found.first() if sku.isprintable() else None
    if variant is None:
        raise stock.UnknownSku([sku])
    return variant


def _addresses(caller: Caller, user_id: int) -> list[tuple[str, str]]:
    wanted, _zone = preferring.of_caller(caller)
    return [
        (channel, address)
        for channel, address in contacts.of_person(user_id)
        if preferences.wants(wanted, events.BACK, channel)
    ]
