"""What a person was told, newest first, and what of it is new: their inbox in the shop itself.

It is a reading of the log: messages to everybody, to the person and to their groups, and the
events of their orders. New is what lies behind their receipt, which every channel moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from museo.access.callers import Caller
from museo.access.models import User
from museo.access.problems import NotSignedIn
from notifications import audiences, log
from notifications.envelope import render
from notifications.models import Event, EventTopic, Receipt
from notifications.preferences import UNTOLD

# more are not counted
MOST_COUNTED = 100
# what has no words of its own; its order says it
WITHOUT_WORDS = Q(type__startswith="payment.") | Q(type__in=UNTOLD)


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
    earlier = told if before is None else told.filter(position__lt=before)
    positions = list(earlier.order_by("-position")[: limit + 1])
    shown = positions[:limit]
    events = log.read_at(shown)
    return Page(
        events=[events[position] for position in shown if position in events],
        before=shown[-1] if len(positions) > limit else None,
        received=received,
        unread=_count(told, received),
    )


def unread(caller: Caller) -> int:
    """How many are new, as far as MOST_COUNTED; raises NotSignedIn."""
    return _count(_told_to(caller), _received(caller))


def has_between(caller: Caller, after: int, until: int) -> bool:
    """Whether a person was told something in (after, until]."""
    return _told_to(caller).filter(position__gt=after, position__lte=until).exists()


def _told_to(caller: Caller) -> QuerySet[EventTopic, int]:
    """The positions of what a person was told, since they have been with the shop."""
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
    heard = EventTopic.objects.filter(Exists(told.exclude(WITHOUT_WORDS)), topic__in=sorted(names))
    return heard.values_list("position", flat=True).distinct()


def _received(caller: Caller) -> int:
    mine = Receipt.objects.filter(reader=caller.who).values_list("position", flat=True)
    return mine.first() or 0


def _count(told: QuerySet[EventTopic, int], received: int) -> int:
    newest = told.filter(position__gt=received).order_by("-position")
    return newest[:MOST_COUNTED].count()
