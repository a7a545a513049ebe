"""All that the shop knows of a person, for that person to take along."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from catalog.models import Question, Review
from museo.access import connections, second_factor, trail
from museo.access.callers import Caller
from museo.access.models import User
from notifications import addresses, correspondence, inbox, preferring
from notifications.envelope import timestamp
from orders import places, tracking
from orders.models import Order

MOST_NOTICES = 1000
# of apps above: what they know of a person, by the name that it has in the file
Teller = Callable[[User], Any]
_tellers: dict[str, Teller] = {}


def register(name: str, teller: Teller) -> None:
    """For `AppConfig.ready()`."""
    _tellers[name] = teller


def of(user: User, caller: Caller, *, now: datetime) -> dict[str, Any]:
    """In the API's shapes; nothing in it opens anything."""
    orders = Order.objects.filter(user=user).order_by("-pk")
    factor = second_factor.of(user)
    return {
        "taken_at": timestamp(now),
        "account": {
            "email": user.email,
            "name": user.get_full_name(),
            "language": user.locale,
            "time_zone": user.time_zone,
            "since": timestamp(user.date_joined),
            "second_factor_since": timestamp(factor.on_since) if factor else None,
        },
        "orders": [tracking.summary(order, locale=caller.locale, now=now) for order in orders],
        "notifications": inbox.read(caller, limit=MOST_NOTICES).told(caller.locale),
        "preferences": preferring.show(caller),
        "places": places.told(user),
        "addresses": [
            {key: str(address[key]) for key in ("channel", "address")}
            for address in addresses.show(caller)
        ],
        "apps": [
            {"scopes": app.scopes, "since": timestamp(app.created_at)}
            for app in connections.of_person(user)
        ],
        "messages": correspondence.exported(user),
        "trail": trail.exported(user),
        "reviews": list(
            Review.objects.filter(customer=user)
            .order_by("pk")
            .values("master__slug", "rating", "text", "signed", "at")
        ),
        "questions": list(
            Question.objects.filter(customer=user)
            .order_by("pk")
            .values("master__slug", "question", "answer", "asked_at")
        ),
        **{name: tell(user) for name, tell in _tellers.items()},
    }
