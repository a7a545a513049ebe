"""Webhooks of one order: addresses that are told of what happens to it.

Whoever may act on an order may register some, and sees those that they registered; staff see
them all. What was registered by an order ticket ends with that ticket.
"""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from museo.access.callers import Caller
from museo.access.permissions import may
from museo.access.problems import NotFound, Problem
from museo.access.tokens import digest
from notifications import subscriptions
from notifications.channels import webhook
from notifications.models import Subscription, SubscriptionQuerySet, whose
from notifications.subscriptions import NewSubscription
from orders import lifecycle, tracking
from orders.models import Order

# of one caller, for one order
MOST = 5
TYPES = (*(f"order.{status}" for status in lifecycle.STATUSES), "order.eta_changed")


class TooManyWebhooks(Problem):
    status = 409
    code = "too_many_webhooks"


class UnknownWebhook(NotFound):
    code = "unknown_webhook"


def register(
    caller: Caller, number: str, *, url: str, types: Collection[str] = (), now: datetime
) -> NewSubscription:
    """From now on; the same address again gets a new secret. Raises BadWebhook, TooManyWebhooks.

    Without types it is told of all of them.
    """
    order = tracking.find_to_act(caller, number)
    # asks the network, so before anything is locked
    webhook.check(url)
    with transaction.atomic():
        # one registers at a time, and none by a ticket that is being closed
        tracking.hold_row(order)
        who = _who(caller, order)
        _require_few(order, who=who, url=url)
        return subscriptions.begin(
            topic=order.topic,
            channel=Subscription.Channel.WEBHOOK,
            address=url,
            who=who,
            types=types,
            shape=Subscription.Shape.FLAT,
            locale=caller.locale,
            now=now,
        )


def registered(caller: Caller, number: str) -> SubscriptionQuerySet:
    """The webhooks of an order that the caller may see."""
    order = tracking.find_to_act(caller, number)
    of_order = Subscription.objects.about_no_other_than(order.topic).filter(
        channel=Subscription.Channel.WEBHOOK
    )
    return of_order if may(caller, "orders.change_order") else of_order.of(whose(caller))


def remove(caller: Caller, number: str, *, webhook_id: str = "", url: str = "") -> int:
    """Those of the id or the address, all without either; return how many.

    Raises UnknownWebhook if there is none of that id or address.
    """
    wanted = {"public_id": webhook_id, "address": url}
    asked = {name: value for name, value in wanted.items() if value}
    # what cannot be printed no database takes for a text
    found = (
        registered(caller, number)
        if "".join(asked.values()).isprintable()
        else Subscription.objects.none()
    )
    count = subscriptions.remove(found.filter(**asked))
    if asked and not count:
        raise UnknownWebhook(_("There is no such webhook of this order. List them first."))
    return count


def _who(caller: Caller, order: Order) -> str:
    """By what right: somebody's own, or that of the ticket that opens the order."""
    is_theirs = caller.customer_id is not None and order.user_id == caller.customer_id
    if is_theirs or may(caller, "orders.view_order"):
        return caller.who
    opened = order.tickets.open().filter(token_hash__in=map(digest, caller.keys))
    token_hash = opened.values_list("token_hash", flat=True).first()
    if token_hash is None:
        raise tracking.unknown()
    return subscriptions.by_ticket(token_hash)


def _require_few(order: Order, *, who: str, url: str) -> None:
    webhooks = Subscription.objects.filter(topic=order.topic, channel=Subscription.Channel.WEBHOOK)
    others = webhooks.of([who]).exclude(address=url)
    if others.count() >= MOST:
        raise TooManyWebhooks(
            _("This order has %(most)s webhooks of yours. Remove one first.") % {"most": MOST}
        )
