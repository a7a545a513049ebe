"""The topics of a person (`user.42`) and of staff by role (`staff.orders`): who may follow them."""

from collections.abc import Collection, Mapping
from typing import Any

from museo.access.callers import Caller
from museo.access.permissions import may
from notifications import topics

# a staff topic, and the permission that it takes
STAFF_TOPICS = {
    "staff.orders": "orders.view_order",
    "staff.catalog": "catalog.view_master",
    "staff.inbox": "notifications.view_event",
    "staff.ops": "access.view_heartbeat",
}


def register() -> None:
    topics.register("user", may_read=_own, snapshot=_nothing)
    topics.register("staff", may_read=_by_role, snapshot=_nothing)


def _own(caller: Caller, names: Collection[str]) -> set[str]:
    return {name for name in names if caller.user_id and name == f"user.{caller.user_id}"}


def _by_role(caller: Caller, names: Collection[str]) -> set[str]:
    return {name for name in names if name in STAFF_TOPICS and may(caller, STAFF_TOPICS[name])}


def _nothing(names: Collection[str], locale: str) -> Mapping[str, dict[str, Any]]:
    """They have no state of their own; each event says what it is about."""
    return {name: {} for name in names}
