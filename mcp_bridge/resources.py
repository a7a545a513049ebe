"""What can be read by its address (`addresses`): listed for whom it is there, and read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import mcp_types as types
from django.conf import settings
from django.utils.translation import gettext as _

from catalog import products
from mcp_bridge import counts, texts
from mcp_bridge.addresses import (
    Address,
    AiMonitoringAddress,
    BasketAddress,
    LiveFeedAddress,
    MyOrdersAddress,
    OrderAddress,
    ProductAddress,
    StatsAddress,
    SubscriptionsAddress,
)
from mcp_bridge.assistant import mail_monitor
from mcp_bridge.quotations import BASKET_TEXTS, EVENT_TEXTS, PRODUCT_TEXTS
from mcp_bridge.registry import works_for_shop
from museo.access.callers import Caller
from museo.access.problems import NotFound
from notifications import following, history, subscription_api, tickets
from notifications.envelope import timestamp
from notifications.live.hub import in_thread
from notifications.models import Subscription, whose
from orders import baskets, tracking
from orders.models import Order

MIME_TYPE = "application/json"
# of a list
MOST_SHOWN = 20


def _template(uri: str, name: str, title: str, description: str) -> types.ResourceTemplate:
    return types.ResourceTemplate(
        uri_template=uri, name=name, title=title, description=description, mime_type=MIME_TYPE
    )


def _resource(uri: str, name: str, title: str, description: str) -> types.Resource:
    return types.Resource(
        uri=uri, name=name, title=title, description=description, mime_type=MIME_TYPE
    )


# each with what its reader needs, as `Address.scope` has it
TEMPLATES: list[tuple[type[Address], types.ResourceTemplate]] = [
    (
        OrderAddress,
        _template(
            "museo://orders/{number}",
            "order",
            "Order",
            "How an order of yours stands now; subscribe to it to be told of each step.",
        ),
    ),
    (
        OrderAddress,
        _template(
            "museo://orders/{number}{?ticket}",
            "order_by_ticket",
            "Order, by ticket",
            "The same for a guest, with the ticket that place_order returned.",
        ),
    ),
    (
        BasketAddress,
        _template(
            "museo://basket/{token}",
            "basket",
            "Basket",
            "What is in a basket and what it costs, by its basket_token.",
        ),
    ),
    (
        ProductAddress,
        _template(
            "museo://products/{slug}",
            "product",
            "Product",
            "Everything about one product: description, variants with SKU, price and stock.",
        ),
    ),
    (
        LiveFeedAddress,
        _template(
            "museo://live-feed{?topics,types,channels,ticket}",
            "live_feed_of_topics",
            "Live feed of topics",
            "The last events of some topics; subscribe to it to be told of each new one.",
        ),
    ),
]
RESOURCES: list[tuple[type[Address], types.Resource]] = [
    (
        MyOrdersAddress,
        _resource(
            "museo://me/orders",
            "my_orders",
            "My orders",
            "Your newest orders; subscribe to it to be told of each step of any of them.",
        ),
    ),
    (
        LiveFeedAddress,
        _resource(
            "museo://live-feed",
            "live_feed",
            "Live feed",
            "Where the live stream is, with a ticket that opens it, and the last events that "
            "concern you; subscribe to it to be told of each new one.",
        ),
    ),
    (
        StatsAddress,
        _resource(
            "museo://realtime-stats",
            "realtime_stats",
            "Real-time statistics",
            "How many clients are connected and how the push is doing, in numbers.",
        ),
    ),
    (
        SubscriptionsAddress,
        _resource(
            "museo://user-subscriptions",
            "user_subscriptions",
            "Your subscriptions",
            "What you have asked to be told of by webhook and other channels.",
        ),
    ),
    (
        AiMonitoringAddress,
        _resource(
            "museo://ai-monitoring",
            "ai_monitoring",
            "Analysis of messages",
            "What people who wrote to the shop want, how urgent it is, and how many messages wait; "
            "subscribe to it to be told of each.",
        ),
    ),
]
# customers have the scope, too, and may not
FOR_STAFF = (AiMonitoringAddress,)


def is_open(address: Address | type[Address], caller: Caller) -> bool:
    """Whether there is such a resource for the caller; what it shows is asked when it is read."""
    kind = address if isinstance(address, type) else type(address)
    if kind in FOR_STAFF and not works_for_shop(caller):
        return False
    return not address.scope or address.scope in caller.scopes


async def read(caller: Caller, address: Address, *, now: datetime) -> dict[str, Any]:
    """What there is to read; raise what the service raises, for what is not there NotFound."""
    if not is_open(address, caller):
        raise NotFound(_("There is no such resource, or you may not see it."))
    return await _READ[type(address)](caller.with_ticket(address.ticket), address, now)


def _order(caller: Caller, address: OrderAddress, now: datetime) -> dict[str, Any]:
    """How the order stands, and the sentence for the chat."""
    order = tracking.find(caller, address.number)
    stand = tracking.track(order, locale=caller.locale, now=now)
    return {**stand, "message": texts.update(stand, now=now)}


def _my_orders(caller: Caller, _address: MyOrdersAddress, now: datetime) -> dict[str, Any]:
    orders = Order.objects.visible_to(caller).order_by("-pk")[:MOST_SHOWN]
    return {"orders": [tracking.brief(order) for order in orders], "now": timestamp(now)}


def _basket(caller: Caller, address: BasketAddress, now: datetime) -> dict[str, Any]:
    opened = baskets.require(caller.with_basket(address.token))
    shown = baskets.show(opened, locale=caller.locale, now=now)
    return {**shown, "basket_token": shown["token"]}


def _product(caller: Caller, address: ProductAddress, now: datetime) -> dict[str, Any]:
    return products.detail(address.key, locale=caller.locale, now=now)


def _live_feed(caller: Caller, address: LiveFeedAddress, now: datetime) -> dict[str, Any]:
    """Where to hear what happens, with a ticket to it, and what has happened last."""
    names = address.topics(caller)
    last = history.newest(caller, names, types=address.types, where=address.where, limit=MOST_SHOWN)
    topics = sorted(following.readable(caller, names))
    ticket, ends_at = tickets.issue(caller, topics, now=now)
    server = settings.MUSEO_PUBLIC_URL
    return {
        "stream_url": f"{server}/api/v1/events?topics={','.join(topics)}&ticket={ticket}",
        "websocket_url": f"{server.replace('http', 'ws', 1)}/ws/events/?ticket={ticket}",
        "ticket": ticket,
        "ticket_expires_at": timestamp(ends_at),
        "topics": topics,
        "types": sorted(address.types),
        **last,
    }


def _subscriptions(caller: Caller, _address: SubscriptionsAddress, now: datetime) -> dict[str, Any]:
    mine = Subscription.objects.of(whose(caller)).prefetch_related("further").order_by("-pk")
    return {"subscriptions": [subscription_api.shape(each, caller) for each in mine]}


def _analyses(caller: Caller, _address: AiMonitoringAddress, now: datetime) -> dict[str, Any]:
    if not mail_monitor.is_open_to(caller):
        raise NotFound(_("There is no such resource, or you may not see it."))
    return mail_monitor.overview(caller, limit=MOST_SHOWN, now=now)


async def _stats(_caller: Caller, _address: StatsAddress, now: datetime) -> dict[str, Any]:
    return await counts.stats()


# fields that hold what others have written
QUOTES: dict[type[Address], tuple[str, ...]] = {
    BasketAddress: BASKET_TEXTS,
    ProductAddress: PRODUCT_TEXTS,
    LiveFeedAddress: EVENT_TEXTS,
}
Read = Callable[[Caller, Any, datetime], Awaitable[dict[str, Any]]]
_READ: dict[type[Address], Read] = {
    OrderAddress: in_thread(_order),
    MyOrdersAddress: in_thread(_my_orders),
    BasketAddress: in_thread(_basket),
    ProductAddress: in_thread(_product),
    LiveFeedAddress: in_thread(_live_feed),
    SubscriptionsAddress: in_thread(_subscriptions),
    StatsAddress: _stats,
    AiMonitoringAddress: in_thread(_analyses),
}
