"""Being told of what happens, and how the connection stands."""

from typing import Annotated, Any

from django.conf import settings
from django.utils.translation import gettext as _
from pydantic import Field

from mcp_bridge import cards, counts, shapes, texts
from mcp_bridge.addresses import OrderAddress
from mcp_bridge.calls import Call
from mcp_bridge.parameters import OrderId, Ticket
from mcp_bridge.registry import ADDS, FOLLOWS, READS, Answer, tool
from notifications.live import simulation
from orders import tracking


@tool(
    title="Subscribe to Order Updates",
    scope="orders:read",
    result=shapes.Subscribed,
    annotations=FOLLOWS,
    takes_ticket=True,
    meta=cards.shows(
        cards.ORDER, **{"openai/outputTemplate": cards.FOOD_ORDERING, "openai/realtime": True}
    ),
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
    title="Simulate progress",
    scope="basket:write",
    result=shapes.StartedTask,
    annotations=ADDS,
)
async def simulate_progress(
    call: Call,
    task_name: Annotated[str, Field(min_length=1, max_length=simulation.LONGEST_NAME)],
    duration_seconds: Annotated[float, Field(ge=1, le=60)] = 10,
    step_count: Annotated[int, Field(ge=1, le=20)] = 5,
    broadcast: Annotated[bool, Field(description="Tell everybody; needs notify:send.")] = False,
) -> dict[str, Any]:
    """Start a task that only tells of its progress, to try out a stream of events."""
    started = await simulation.start(
        call.caller,
        task_name=task_name,
        duration_seconds=duration_seconds,
        step_count=step_count,
        broadcast=broadcast,
        now=call.now,
    )
    return {
        "task_id": started.task_id,
        "task_name": task_name,
        "duration_seconds": duration_seconds,
        "step_count": step_count,
        "broadcast": broadcast,
        "stream": f"{settings.MUSEO_PUBLIC_URL}/mcp",
    }


@tool(
    title="Connection status",
    scope="shop:read",
    result=shapes.ConnectionStatus,
    annotations=READS,
)
async def connection_status(call: Call) -> dict[str, Any]:
    """Whether updates are pushed, to how many clients of this server, and how to get them."""
    return {
        "sse_enabled": True,
        **await counts.connected(),
        "endpoint": f"{settings.MUSEO_PUBLIC_URL}/mcp",
        "usage": _(
            "Call subscriptions/listen (since 2026-07-28) or resources/subscribe (before) with "
            "the uri that place_order or subscribe_order_updates returned. Or call track_order "
            "with wait_seconds and read its progress."
        ),
    }


@tool(
    title="Real-time statistics",
    scope="shop:read",
    result=shapes.RealtimeStats,
    annotations=READS,
)
async def get_realtime_stats(call: Call) -> dict[str, Any]:
    """How many clients are connected and how the push is doing, in numbers."""
    return await counts.stats()
