"""Pages of orders, newest first."""

from collections.abc import Mapping
from typing import Any

from museo.access.callers import Caller
from museo.access.problems import BadCursor
from museo.access.tokens import as_name
from orders.models import Order


def page(
    caller: Caller, wanted: Mapping[str, Any], *, limit: int, cursor: str = ""
) -> tuple[list[Order], str]:
    """Those that the caller may see and that are `wanted` (`OrderQuerySet.wanted`).

    Also the cursor of the page after this one, empty at the end.
    """
    visible = Order.objects.visible_to(caller).order_by("-pk")
    orders = visible.wanted(**wanted)
    if cursor:
        orders = orders.filter(pk__lt=_place(visible, cursor))
    rows = list(orders[: limit + 1])
    found = rows[:limit]
    return found, found[-1].number if len(rows) > limit else ""


def _place(orders: Any, number: str) -> int:
    found = orders.filter(number=as_name(number)).values_list("pk", flat=True).first()
    if found is None:
        raise BadCursor
    return int(found)
