"""Being told when a variant that is sold out can be had again: once, by one's own channels."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from catalog import events, stock
from catalog.models import Master, Variant
from museo.access.callers import Caller
from museo.access.problems import NotSignedIn, Problem
from notifications import contacts, preferences, preferring, subscriptions
from notifications.models import Subscription, SubscriptionQuerySet


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
    variant = _on_sale(sku)
    addresses = _addresses(caller, caller.user_id)
    if not addresses:
        raise NoWay(_("Switch a channel on for what is back in stock, in your preferences."))
    page = settings.MUSEO_PUBLIC_URL + reverse("product", args=[variant.master.slug])
    with transaction.atomic():
        for channel, address in addresses:
            subscriptions.begin(
                topic=events.stock_topic(variant),
                channel=Subscription.Channel(channel),
                address=address,
                who=caller.who,
                types=[events.BACK],
                locale=caller.locale,
                link=page,
                is_once=True,
                now=now,
            )
        # only now: what comes back from here on is told
        if not variant.track_stock or stock.available([variant.pk]).get(variant.pk, 0) > 0:
            raise NotSoldOut(_("It can be had again. Put it into your basket."))


def cancel(caller: Caller, sku: str) -> int:
    """They wait no longer; return how many subscriptions that ended."""
    if caller.user_id is None:
        return 0
    return subscriptions.remove(_waiting(caller).filter(topic=events.stock_topic(_on_sale(sku))))


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


def _on_sale(sku: str) -> Variant:
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
