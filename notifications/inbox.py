"""What a person was told, newest first, and what of it is new: their inbox in the shop itself.

It is a reading of the log: messages to everybody, to the person and to their groups, and the
events of their orders. New is what lies behind their receipt, which every channel moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from museo import sql
from museo.access.callers import Caller
from museo.access.models import User
from museo.access.problems import NotSignedIn
from notifications import audiences, log
from notifications.envelope import render
from notifications.models import Event, EventTopic, Receipt

# more are not counted
MOST_COUNTED = 100


@dataclass(frozen=True)
class Page:
    """Events newest first; the position to go on before, if there are more; and the receipt."""

    events: Sequence[Event]
    before: int | None
    received: int
    unread: int

    def told(self, locale: str) -> list[dict[str, Any]]:
        """Envelopes, each with whether it is new."""
        return [
            {**render(event, locale), "new": event.position > self.received}
            for event in self.events
        ]


def read(caller: Caller, *, before: int | None = None, limit: int) -> Page:
    """Raises NotSignedIn."""
    told, received = _told_to(caller), _received(caller)
    positions = _newest(told, before=before, limit=limit + 1)
    shown = positions[:limit]
    events = log.read_at(shown)
    return Page(
        events=[events[position] for position in shown if position in events],
        before=shown[-1] if len(positions) > limit else None,
        received=received,
        unread=len(_newest(told, after=received, limit=MOST_COUNTED)),
    )


def unread(caller: Caller) -> int:
    """How many are new, as far as MOST_COUNTED; raises NotSignedIn."""
    return len(_newest(_told_to(caller), after=_received(caller), limit=MOST_COUNTED))


def has_between(caller: Caller, after: int, until: int) -> bool:
    """Whether a person was told something in (after, until]."""
    return bool(_newest(_told_to(caller), after=after, before=until + 1, limit=1))


def _told_to(caller: Caller) -> list[QuerySet[EventTopic, int]]:
    """By topic, the positions of what a person was told, since they have been with the shop."""
    if caller.user_id is None:
        raise NotSignedIn(_("Sign in to read what you were told."))
    user = User.objects.filter(pk=caller.user_id)
    rows = list(user.values_list("date_joined", "groups__name"))
    joined_at: datetime = rows[0][0]
    names = {audiences.EVERYBODY, audiences.user_topic(caller.user_id)}
    names |= {audiences.group_topic(group) for _joined_at, group in rows if group}
    if caller.is_staff:
        names.add(audiences.ADMINS)
    told = Event.objects.filter(position=OuterRef("position"), at__gte=joined_at)
    # what has no words is for programs and pages
    heard = EventTopic.objects.filter(Exists(told.exclude(texts={})))
    return [heard.filter(topic=name).values_list("position", flat=True) for name in sorted(names)]


def _received(caller: Caller) -> int:
    mine = Receipt.objects.filter(reader=caller.who).values_list("position", flat=True)
    return mine.first() or 0


def _newest(
    told: Sequence[QuerySet[EventTopic, int]],
    *,
    after: int = 0,
    before: int | None = None,
    limit: int,
) -> list[int]:
    """The newest positions in (after, before), each once.

    One statement, that reads of each topic no more than so many, from the end of its index.
    """
    parts: list[str] = []
    params: list[Any] = []
    for number, heard in enumerate(told):
        wanted = heard.filter(position__gt=after)
        if before is not None:
            wanted = wanted.filter(position__lt=before)
        statement, given = wanted.order_by("-position")[:limit].query.sql_with_params()
        # only what Django has made of the models is put in
        parts.append(f"SELECT position FROM ({statement}) AS part_{number}")  # noqa: S608
        params += given
    union = " UNION ".join(parts)
    found = sql.rows(f"{union} ORDER BY position DESC LIMIT %s", [*params, limit])
    return [position for (position,) in found]
