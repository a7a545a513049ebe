"""Looks once more at what is about to go out, for it may disturb, or say what is known.

The dispatcher plans around quiet hours; a second try, or a sender that was away, may still come to
a delivery at night. And the next channel of a ladder is of use only while nobody has said on any
channel that the message was received.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from django.db import transaction
from django.db.models import Case, Exists, OuterRef, Value, When

from notifications import preferring
from notifications.models import Delivery, DeliveryQuerySet, Event, Receipt, Subscription
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
    of_people = _still_due(now).exclude(subscription__channel=Subscription.Channel.WEBHOOK)
    # in the order in which they would be sent; those who have paused wait in any case
    active = of_people.filter(subscription__state=Subscription.State.ACTIVE)
    soonest = active.order_by("due_at", "pk")
    rows = list(soonest.values_list("pk", "position", "subscription__who")[:MOST])
    wishes = _quiet_now({who for _pk, _position, who in rows}, now)
    disturbing = [row for row in rows if row[2] in wishes]
    if not disturbing:
        return 0
    positions = [position for _pk, position, _who in disturbing]
    events = Event.objects.filter(position__in=positions)
    types = dict(events.values_list("position", "type"))
    ids_by_moment: dict[datetime, set[int]] = defaultdict(set)
    for pk, position, who in disturbing:
        wanted = wishes[who]
        if wanted.is_urgent_held or not is_urgent(types.get(position, "")):
            ids_by_moment[quiet_until(wanted, now)].add(pk)
    with transaction.atomic():
        held = _still_due(now).filter(pk__in=[pk for pk, _position, _who in disturbing]).lock()
        return sum(_wait(held & ids, moment) for moment, ids in ids_by_moment.items())


def _quiet_now(whose: set[str], now: datetime) -> dict[str, Preferences]:
    found = preferring.of_each(whose) if whose else {}
    return {who: wanted for who, wanted in found.items() if quiet_until(wanted, now) > now}


def _still_due(now: datetime) -> DeliveryQuerySet:
    """Those that nobody tries."""
    return Delivery.objects.pending().filter(due_at__lte=now, leased_by="")


def _wait(held: set[int], moment: datetime) -> int:
    # one that waited for an answer still does
    why = Case(When(reason=FALLBACK, then=Value(FALLBACK)), default=Value(QUIET_HOURS))
    return Delivery.objects.filter(pk__in=held).update(due_at=moment, reason=why)


def leave_out_acknowledged(*, now: datetime) -> int:
    """What was to be tried by another channel and was received meanwhile is not; how many."""
    received = Receipt.objects.filter(
        reader=OuterRef("subscription__who"), position__gte=OuterRef("position")
    )
    due = _still_due(now).filter(reason=FALLBACK)
    ids = list(due.filter(Exists(received)).values_list("pk", flat=True)[:MOST])
    if not ids:
        return 0
    with transaction.atomic():
        held = due.filter(pk__in=ids).lock()
        return Delivery.objects.filter(pk__in=held).update(
            state=Delivery.State.SKIPPED, reason=ACKNOWLEDGED, ended_at=now
        )
