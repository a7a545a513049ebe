"""How what somebody asked to send back is answered: told on a topic of each return.

Whoever follows the order is told; who only watches it learns nothing of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.utils.translation import gettext_noop

from notifications import log, subscriptions, topics
from notifications.audiences import user_topic
from notifications.envelope import timestamp
from orders import tracking
from orders.models import Order, Return

PREFIX = "return"
TYPE = "notification"
MESSAGES = {
    Return.State.APPROVED: gettext_noop("return_approved.message"),
    Return.State.RECEIVED: gettext_noop("return_received.message"),
    Return.State.REFUSED: gettext_noop("return_refused.message"),
}


def topic(asked: Return) -> str:
    return f"{PREFIX}.{asked.public_id}"


def tell(change: log.Change, order: Order, asked: Return, *, now: datetime) -> None:
    """How a return was decided; what staff wrote about it is on the order's page."""
    name, state = topic(asked), Return.State(asked.state)
    subscriptions.hear_further(of=order.topic, topic=name, type=TYPE, now=now)
    change.event(
        name,
        TYPE,
        {
            "notification_id": uuid4().hex,
            "notification_type": f"return_{state}",
            "order_id": order.number,
            "data": {"return_id": asked.public_id, "state": state},
        },
        at=now,
        also=[user_topic(order.user_id)] if order.user_id else [],
        texts={"message": [MESSAGES[state], {"number": order.number}]},
    )


def may_read(wanted: Sequence[topics.Wanted]) -> list[set[str]]:
    """Those of orders that the caller may do something about."""
    orders = _orders({name for _caller, names in wanted for name in names})
    acting = [
        (caller.to_act(), {orders[name] for name in names if name in orders})
        for caller, names in wanted
    ]
    opened = tracking.may_read(acting)
    return [
        {name for name in names if orders.get(name) in found}
        for (_caller, names), found in zip(wanted, opened, strict=True)
    ]


def snapshot(names: Collection[str], locale: str) -> Mapping[str, dict[str, Any]]:
    """How each return stands, in one query."""
    return {
        topic(asked): {
            "return_id": asked.public_id,
            "order_id": asked.order.number,
            "state": asked.state,
            "requested_at": timestamp(asked.requested_at),
            "decided_at": timestamp(asked.decided_at) if asked.decided_at else None,
        }
        for asked in Return.objects.filter(public_id__in=_ids(names)).select_related("order")
    }


def page(_name: str, data: Mapping[str, Any]) -> str:
    """At its order."""
    return tracking.page(tracking.topic(data["order_id"]), data)


def _orders(names: Collection[str]) -> dict[str, str]:
    """The topics of the orders that returns are of, by the topics of those."""
    rows = Return.objects.filter(public_id__in=_ids(names))
    return {
        f"{PREFIX}.{public_id}": tracking.topic(number)
        for public_id, number in rows.values_list("public_id", "order__number")
    }


def _ids(names: Collection[str]) -> list[str]:
    return [name.removeprefix(f"{PREFIX}.") for name in names]
