"""What every page's header shows of the inbox."""

from functools import cached_property
from typing import Any

from django.http import HttpRequest

from museo.access.callers import Caller, caller_from_request
from notifications import inbox as the_inbox
from notifications import log
from notifications.audiences import user_topic


class Badge:
    """How many messages are new, and where to hear of more; asked only if it is shown."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    @cached_property
    def cursor(self) -> str:
        state = log.state()
        return log.format_cursor(state.epoch, state.head)

    @cached_property
    def unread(self) -> int:
        return the_inbox.unread(self._caller)

    @property
    def is_full(self) -> bool:
        """There are more than are counted."""
        return self.unread >= the_inbox.MOST_COUNTED

    @property
    def shown(self) -> str:
        return f"{the_inbox.MOST_COUNTED - 1}+" if self.is_full else str(self.unread)

    @property
    def topic(self) -> str:
        return user_topic(self._caller.user_id or 0)


def inbox(request: HttpRequest) -> dict[str, Any]:
    """`inbox` of a person; guests have none."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {"inbox": Badge(caller_from_request(request))}
