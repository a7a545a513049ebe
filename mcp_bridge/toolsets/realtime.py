"""Being told of what happens, and how the connection stands."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from mcp_bridge import push, shapes, texts
from mcp_bridge.calls import Call
from mcp_bridge.registry import FOLLOWS, READS, Answer, tool
from mcp_bridge.resources import OrderAddress
from mcp_bridge.toolsets.storefront import OrderId, Ticket
from orders import tracking


@tool(
    title="Subscribe to Order Updates",
    scope="orders:read",
    result=shapes.Subscribed,
    annotations=FOLLOWS,
    takes_ticket=True,
    meta={"openai/outputTemplate": "ui://widget/food-ordering.html", "openai/realtime": True},
)
def subscribe_order_updates(call: Call, order_id: OrderId, ticket: Ticket = "") -> Answer:
    """Get real-time notifications when order status changes"""
    order = tracking.find(call.caller.with_ticket(ticket), order_id)
    uri = str(OrderAddress(order.number, ticket))
    data = {
        "subscribed": True,
        "order_id": order.number,
        "message": _("You'll receive automatic updates!"),
        "uri": uri,
        "delivery": call.delivery,
    }
    return Answer(data, texts.subscribed(order.number), uri)


@tool(
    title="Connection status",
    scope="shop:read",
    result=shapes.ConnectionStatus,
    annotations=READS,
)
async def connection_status(call: Call) -> dict[str, Any]:
    """Whether updates are pushed, to how many clients of this server, and how to get them."""
    counts = push.counts()
    return {
        "sse_enabled": True,
        "active_connections": sum(counts.values()),
        **counts,
        "endpoint": f"{settings.MUSEO_PUBLIC_URL}/mcp",
        "usage": _(
            "Call subscriptions/listen (since 2026-07-28) or resources/subscribe (before) with "
            "the uri that place_order or subscribe_order_updates returned. Or call track_order "
            "with wait_seconds and read its progress."
        ),
    }
