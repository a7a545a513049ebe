"""What every page's header shows of the basket."""

from collections.abc import Callable
from functools import cache

from django.db.models import Sum
from django.http import HttpRequest

from museo.access.callers import BASKET_COOKIE, caller_from_request
from orders import baskets


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
