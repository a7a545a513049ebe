"""What every page's header shows of the basket."""

from typing import Any

from django.db.models import Sum
from django.http import HttpRequest

from museo.access.callers import BASKET_COOKIE, caller_from_request
from orders import baskets


def basket(request: HttpRequest) -> dict[str, Any]:
    """`basket_count`: how many objects lie in the caller's basket."""
    if not hasattr(request, "user"):
        return {"basket_count": 0}
    if not request.user.is_authenticated and BASKET_COOKIE not in request.COOKIES:
        return {"basket_count": 0}
    opened = baskets.find(caller_from_request(request))
    count = opened.basket.lines.aggregate(count=Sum("quantity"))["count"] if opened else 0
    return {"basket_count": count or 0}
