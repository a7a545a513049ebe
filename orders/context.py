"""What every page's header shows of the basket, and of the order that is under way."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.db.models import Sum
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from museo.access.callers import BASKET_COOKIE, TICKET_COOKIE, caller_from_request
from notifications import log
from notifications.envelope import timestamp
from orders import baskets, lifecycle
from orders.models import Order


def basket(request: HttpRequest) -> dict[str, Callable[[], int]]:
    """`basket_count`: how many objects lie in the caller's basket; asked only if it is shown."""
    return {"basket_count": cache(lambda: _count(request))}


def _count(request: HttpRequest) -> int:
    if not hasattr(request, "user"):
        return 0
    if not request.user.is_authenticated and BASKET_COOKIE not in request.COOKIES:
        return 0
    opened = baskets.find(caller_from_request(request))
    count = opened.basket.lines.aggregate(count=Sum("quantity"))["count"] if opened else 0
    return count or 0


def under_way(request: HttpRequest) -> dict[str, Callable[[], dict[str, Any] | None]]:
    """`under_way`: the newest of one's own orders that is not over; asked only if it is shown."""
    return {"under_way": cache(lambda: _under_way(request))}


def _under_way(request: HttpRequest) -> dict[str, Any] | None:
    if not hasattr(request, "user"):
        return None
    if not request.user.is_authenticated and TICKET_COOKIE not in request.COOKIES:
        return None
    own = Order.objects.own(caller_from_request(request)).exclude(status__in=lifecycle.ENDED)
    order = own.order_by("-pk").first()
    if order is None:
        return None
    now, state = timezone.now(), log.state()
    return {
        "number": order.number,
        "topic": order.topic,
        "status": order.status,
        "label": _(lifecycle.text_key(order.status, "label")),
        "labels": {status: _(lifecycle.text_key(status, "label")) for status in lifecycle.STATUSES},
        "eta": timestamp(order.eta),
        "now": timestamp(now),
        "left": lifecycle.left(order.eta, now=now),
        "cursor": log.format_cursor(state.epoch, state.head),
    }
