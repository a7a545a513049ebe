"""Looks once more at what is about to go out, for it may disturb, or say what is known.

The dispatcher plans around quiet hours; a second try, or a sender that was away, may still come to
a delivery at night. And the next channel of a ladder is of use only while nobody has said on any
channel that the message was received.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from django.db.models import Case, Exists, OuterRef, Value, When

from notifications import preferring
from notifications.models import Delivery, Event, Receipt, Subscription
from notifications.preferences import (
    ACKNOWLEDGED,
    FALLBACK,
    QUIET_HOURS,
    Preferences,
    is_urgent,
    quiet_until,
)

MOST = 5000


def put_off(*, now: datetime) -> int:
    """What is due in its person's quiet hours waits for their end; return how many."""
    due = Delivery.objects.pending().filter(due_at__lte=now, leased_by="")
    of_people = due.exclude(subscription__channel=Subscription.Channel.WEBHOOK)
    rows = list(of_people.values_list("pk", "position", "subscription__who")[:MOST])
    wishes = _quiet_now({who for _pk, _position, who in rows}, now)
    disturbing = [row for row in rows if row[2] in wishes]
    if not disturbing:
        return 0
    positions = [position for _pk, position, _who in disturbing]
    events = Event.objects.filter(position__in=positions)
    types = dict(events.values_list("position", "type"))
    ids_by_moment: dict[datetime, list[int]] = defaultdict(list)
    for pk, position, who in disturbing:
        wanted = wishes[who]
        if wanted.is_urgent_held or not is_urgent(types.get(position, "")):
            ids_by_moment[quiet_until(wanted, now)].append(pk)
    return sum(_wait(ids, moment, now) for moment, ids in ids_by_moment.items())


def _quiet_now(whose: set[str], now: datetime) -> dict[str, Preferences]:
    found = preferring.of_each(whose) if whose else {}
    return {who: wanted for who, wanted in found.items() if quiet_until(wanted, now) > now}


def _wait(ids: list[int], moment: datetime, now: datetime) -> int:
    same = Delivery.objects.pending().filter(pk__in=ids, leased_by="", due_at__lte=now)
    # one that waited for an answer still does
    why = Case(When(reason=FALLBACK, then=Value(FALLBACK)), default=Value(QUIET_HOURS))
    return same.update(due_at=moment, reason=why)


def leave_out_acknowledged(*, now: datetime) -> int:
    """What was to be tried by another channel and was received meanwhile is not; how many."""
    received = Receipt.objects.filter(
        reader=OuterRef("subscription__who"), position__gte=OuterRef("position")
    )
    due = Delivery.objects.pending().filter(reason=FALLBACK, due_at__lte=now, leased_by="")
    known = due.filter(Exists(received))
    if not known.exists():
        return 0
    return known.update(state=Delivery.State.SKIPPED, reason=ACKNOWLEDGED, ended_at=now)
