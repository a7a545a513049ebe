"""Who may follow the topics that belong to nobody's order.

| topic | who hears it |
|---|---|
| `broadcast.all` | everybody |
| `user.42` | that person |
| `group.admin`, `group.<name>` | staff; the members of a Django group |
| `client.<connection_id>` | whoever knows the connection's id, which cannot be guessed |
| `process.<owner>`, `process.<owner>.<id>` | who started the process, by account or address |
| `staff.orders`, … | staff with the permission |
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from django.utils.text import slugify

from museo.access.callers import Caller
from museo.access.models import User
from museo.access.permissions import may
from museo.access.scopes import EVENTS_READ
from notifications import topics

EVERYBODY = "broadcast.all"
ADMINS = "group.admin"
# what begins so hears messages, each for itself; others hear how a thing stands
OF_MESSAGES = ("broadcast.", "user.", "group.", "client.", "payment.")
# a staff topic, and the permission that it takes
STAFF_TOPICS = {
    "staff.orders": "orders.view_order",
    "staff.catalog": "catalog.view_master",
    "staff.inbox": "notifications.view_event",
    "staff.ops": "access.view_heartbeat",
}


def user_topic(user_id: int) -> str:
    return f"user.{user_id}"


def group_topic(name: str) -> str:
    return f"group.{slugify(name)}"


def client_topic(connection_id: str) -> str:
    return f"client.{connection_id}"


def process_topic(caller: Caller, id: str = "") -> str:
    """Where the caller hears of processes of their own; of one of them with its `id`."""
    return ".".join(filter(None, ["process", caller.process, id]))


def own_topics(caller: Caller) -> set[str]:
    """What a caller hears who names nothing: broadcasts, and what is told to them alone."""
    names = {EVERYBODY, process_topic(caller)}
    return names | {user_topic(caller.customer_id)} if caller.customer_id else names


def register() -> None:
    for prefix, allowed in {
        "broadcast": _is_for_everybody,
        "user": _is_own,
        "client": _is_known,
        "process": _is_own_process,
        "staff": _is_permitted,
        "group": _is_member,
    }.items():
        topics.register(prefix, may_read=_each(allowed), snapshot=_nothing)


def _each(allowed: Callable[[Caller, str], bool]) -> topics.MayRead:
    def may_read(wanted: Sequence[topics.Wanted]) -> list[set[str]]:
        return [{name for name in names if allowed(caller, name)} for caller, names in wanted]

    return may_read


def _is_for_everybody(caller: Caller, name: str) -> bool:
    return name == EVERYBODY


def _is_own(caller: Caller, name: str) -> bool:
    return caller.customer_id is not None and name == user_topic(caller.customer_id)


def _is_known(caller: Caller, name: str) -> bool:
    return len(name) == len(client_topic("0" * 32))


def _is_own_process(caller: Caller, name: str) -> bool:
    own = process_topic(caller)
    return bool(caller.process) and (name == own or name.startswith(f"{own}."))


def _is_permitted(caller: Caller, name: str) -> bool:
    return name in STAFF_TOPICS and may(caller, STAFF_TOPICS[name])


def _is_member(caller: Caller, name: str) -> bool:
    if caller.user_id is None or EVENTS_READ not in caller.scopes:
        return False
    if name == ADMINS:
        return caller.is_staff
    groups = User.objects.filter(pk=caller.user_id).values_list("groups__name", flat=True)
    return any(group_topic(group) == name for group in groups if group)


def _nothing(names: Collection[str], locale: str) -> Mapping[str, dict[str, Any]]:
    """They have no state of their own; each event says what it is about."""
    return {name: {} for name in names}
