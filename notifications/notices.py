"""Messages to people and programs that are connected, or come back later: `notification` events.

They go to everybody (`broadcast.all`), to a group (`group.admin`), to persons (`user.42`) or to
single connections (`client.<connection_id>`). The words are free text, so they are kept apart
from the log and sealed.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import orjson
from django.utils.translation import gettext as _

from museo.access.callers import Caller
from museo.access.limits import require_allowance
from museo.access.models import User
from museo.access.permissions import require_scope
from museo.access.problems import Invalid, Problem, field_error
from museo.access.scopes import NOTIFY_SEND
from notifications import log
from notifications.audiences import EVERYBODY, client_topic, group_topic, user_topic

TYPES = ("info", "warning", "error", "success")
LONGEST_MESSAGE = 2000
LARGEST_DATA = 8 * 1024
MOST_TARGETS = 100
MOST_PER_MINUTE = 60
CONNECTION = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Notice:
    """What was sent: its id and the topics that hear it."""

    notification_id: str
    topics: tuple[str, ...]


def send(
    caller: Caller,
    *,
    message: str,
    type: str = "info",
    data: Mapping[str, Any] | None = None,
    targets: Collection[str] = (),
    group: str = "",
    now: datetime,
) -> Notice:
    """Tell the targets (user ids, e-mail addresses, connection ids), the group, or everybody."""
    require_scope(caller, NOTIFY_SEND)
    _check(message=message, type=type, data=data, targets=targets)
    require_allowance(f"notices:{caller.identity}", most=MOST_PER_MINUTE, seconds=60, now=now)
    names = _topics(targets, group)
    notice = Notice(notification_id=uuid4().hex, topics=names)
    with log.change() as change:
        for name in names:
            change.event(
                name,
                "notification",
                {"notification_id": notice.notification_id, "notification_type": type},
                at=now,
                own_text={"message": message, "data": dict(data or {})},
            )
    return notice


def _check(
    *, message: str, type: str, data: Mapping[str, Any] | None, targets: Collection[str]
) -> None:
    if not 1 <= len(message) <= LONGEST_MESSAGE:
        raise _invalid(
            "/message",
            _("Write a message of 1 to %(most)s characters.") % {"most": LONGEST_MESSAGE},
        )
    if type not in TYPES:
        raise _invalid("/type", _("Choose one of: %(types)s.") % {"types": ", ".join(TYPES)})
    if _size(data) > LARGEST_DATA:
        raise _invalid(
            "/data", _("Send at most %(most)s KB of data.") % {"most": LARGEST_DATA // 1024}
        )
    if len(targets) > MOST_TARGETS:
        raise _invalid("/targets", _("Name at most %(most)s targets.") % {"most": MOST_TARGETS})


def _size(data: Mapping[str, Any] | None) -> int:
    """In bytes of JSON; raise Invalid for numbers beyond 64 bits, which many cannot read."""
    try:
        return len(orjson.dumps(data))
    except TypeError as error:
        raise _invalid("/data", _("Write larger numbers as text.")) from error


def _topics(targets: Collection[str], group: str) -> tuple[str, ...]:
    names = [_topic_of(target, index) for index, target in enumerate(targets)]
    if group:
        names.append(group_topic(group))
    return tuple(dict.fromkeys(names)) or (EVERYBODY,)


def _topic_of(target: str, index: int) -> str:
    if CONNECTION.fullmatch(target):
        return client_topic(target)
    wanted = {"pk": int(target)} if _is_id(target) else {"email__iexact": target}
    user_id = User.objects.filter(**wanted, is_active=True).values_list("pk", flat=True).first()
    if user_id is None:
        raise _invalid(
            f"/targets/{index}",
            _("Nobody is known by this. Name a user's id or e-mail address, or a connection."),
        )
    return user_topic(user_id)


def _is_id(target: str) -> bool:
    return target.isascii() and target.isdigit() and len(target) <= 18


def _invalid(pointer: str, detail: str) -> Problem:
    return Invalid(detail, errors=[field_error(pointer, "invalid", detail)])
