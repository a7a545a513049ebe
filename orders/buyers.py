"""The buyer is told of their order: by a subscription that is made with it, in one transaction.

Whose money has no order is told that it goes back.
"""

from collections.abc import Collection
from datetime import datetime

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Substr

from museo.access.callers import who_is
from museo.access.tokens import digest
from notifications import subscriptions
from notifications.models import Subscription
from orders import answers, lifecycle, tracking
from orders.models import Checkout, Order, Payment
from orders.payments import events

BATCH = 1000
# what is news to whoever waits; that it is being prepared is seen on the order's page
OF_ORDER = tuple(
    f"order.{word}"
    for word in (
        lifecycle.PLACED,
        lifecycle.CONFIRMED,
        lifecycle.OUT_FOR_DELIVERY,
        lifecycle.DELIVERED,
        lifecycle.CANCELLED,
        lifecycle.FAILED,
        lifecycle.REFUNDED,
        "eta_changed",
    )
)
# and what they hear on further topics once there is something to hear (`hear_further`)
TYPES = (*OF_ORDER, *events.IN_WORDS, answers.TYPE)


def subscribe(order: Order, ticket: str, *, now: datetime) -> None:
    """By e-mail, in the language they bought in; a guest by the order's ticket, which opens it."""
    link = tracking.ticket_url(ticket) if order.user_id is None else ""
    _begin(order, order.topic, TYPES, key_hash=digest(ticket), link=link, now=now)


def subscribe_to_money(payment: Payment, *, now: datetime) -> None:
    """Of a payment that has no order: whoever made it may have left the shop long ago."""
    checkout = payment.checkout
    key_hash = checkout.basket.token_hash or ""
    _begin(checkout, payment.topic, (events.REFUNDED,), key_hash=key_hash, link="", now=now)


def _begin(
    bought: Order | Checkout,
    topic: str,
    types: Collection[str],
    *,
    key_hash: str,
    link: str,
    now: datetime,
) -> None:
    """`key_hash` is of what opens it for a guest."""
    user_id = bought.user_id
    subscriptions.begin_with_topic(
        topic=topic,
        channel=Subscription.Channel.EMAIL,
        address=bought.email,
        who=subscriptions.by_ticket(key_hash) if user_id is None else who_is(user_id),
        types=types,
        link=link,
        locale=bought.locale,
        now=now,
    )


def forget(*, now: datetime) -> int:
    """End those of orders that ended as long ago as their tickets are closed; return how many.

    And those of payments without an order that were made then.
    """
    long_ago = now - tracking.TICKET_LIFE
    number = Substr(OuterRef("topic"), len(tracking.topic("")) + 1)
    over = Order.objects.filter(number=number, ended_at__lt=long_ago)
    made = Subscription.objects.filter(is_automatic=True, created_at__lt=long_ago)
    done = made.filter(Exists(over) | Q(topic__startswith=f"{events.PREFIX}."))
    forgotten = 0
    while ids := list(done.values_list("pk", flat=True)[:BATCH]):
        forgotten += subscriptions.remove(Subscription.objects.filter(pk__in=ids))
    return forgotten
