"""Pages of orders, newest first."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from museo.access.callers import Caller
from museo.access.problems import Invalid, field_error
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
        detail = _("This cursor is not one of ours. Follow `next`, or leave it out.")
        raise Invalid(detail, errors=[field_error("/cursor", "bad_cursor", detail)])
    return int(found)
