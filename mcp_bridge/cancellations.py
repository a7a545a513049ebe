"""Cancelling an order through an agent: what a person is asked before."""

from mcp_bridge.confirmations import Agreement
from museo.access.callers import Caller
from museo.access.idempotency import request_hash
from orders import adjustments
from orders.models import Order


def offer(caller: Caller, number: str, reason: str) -> tuple[Order, Agreement]:
    """The order, and what cancelling it now would be; raise UnknownOrder, TooLateToCancel."""
    order = adjustments.cancellable(caller, number)
    agreement = Agreement(
        tool="cancel_order",
        caller=caller.identity,
        about=order.number,
        total=adjustments.left(order),
        details=request_hash({"reason": reason}),
    )
    return order, agreement
