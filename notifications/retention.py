"""Forgets what is old: events of the log, deliveries and what was told of them, messages.

Of the log the floor is raised, then what lies below it is deleted, in batches, and never past the
slowest reader. What must outlast the log has tables of its own.
"""

import logging
from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction
from django.db.models import Max, Min, Q

from museo.access.models import User
from notifications import log, readers, subscriptions
from notifications.channels import news
from notifications.models import (
    Attempt,
    Contact,
    Delivery,
    Event,
    EventText,
    EventTopic,
    InboundMessage,
    LogHead,
    Report,
    Subscription,
)
from notifications.preferring import PERSON

logger = logging.getLogger(__name__)
BATCH = 5000
# of a guest's wish; its code is good for a quarter of an hour
CONFIRMED_WITHIN = timedelta(days=1)


def forget(*, now: datetime, keep: timedelta) -> int:
    """Delete the events older than `keep` that every reader has read; return how many."""
    for reader in readers.late(now=now):
        logger.warning("reader is late", extra={"reader": reader.name, "position": reader.position})
    floor = last_before(now - keep)
    slowest = readers.slowest()
    if slowest is not None:
        floor = min(floor, slowest)
    # the floor first: who reads meanwhile is told that something is missing
    LogHead.objects.filter(floor__lt=floor, head__gte=floor).update(floor=floor)
    return _delete_up_to(log.state().floor)


def last_before(moment: datetime) -> int:
    """The position of the last event that happened before; 0 if there is none.

    Positions rise with time but for a few milliseconds, so halving finds it without an index.
    """
    bounds = Event.objects.aggregate(first=Min("position"), last=Max("position"))
    if bounds["first"] is None:
        return 0
    low, high = bounds["first"] - 1, bounds["last"]
    while low < high:
        middle = (low + high + 1) // 2
        event = Event.objects.filter(position__lte=middle).order_by("-position").first()
        if event is not None and event.at < moment:
            low = middle
        else:
            high = middle - 1
    return int(low)


def _delete_up_to(floor: int) -> int:
    deleted = 0
    while (first := Event.objects.aggregate(first=Min("position"))["first"] or floor + 1) <= floor:
        last = min(first + BATCH - 1, floor)
        with transaction.atomic():
            EventTopic.objects.filter(position__lte=last).delete()
            EventText.objects.filter(position__lte=last).delete()
            deleted += Event.objects.filter(position__lte=last).delete()[0]
    return deleted


def forget_deliveries(*, now: datetime, keep: timedelta) -> int:
    """Delete deliveries that ended so long ago, with attempts and reports; return how many."""
    ended = Delivery.objects.filter(ended_at__lt=now - keep).order_by("pk")
    deleted = 0
    while ids := list(ended.values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            Attempt.objects.filter(delivery__in=ids).delete()
            Delivery.objects.filter(pk__in=ids).delete()
        deleted += len(ids)
    Report.objects.filter(at__lt=now - keep).delete()
    # codes that nobody has told
    Contact.objects.filter(confirmed_at=None, code_ends_at__lt=now - keep).delete()
    return deleted


def forget_subscriptions(*, now: datetime) -> int:
    """End those of people who are no more, and what a guest never confirmed; return how many."""
    forgotten = 0
    known = Subscription.objects.filter(who__startswith=f"{PERSON}:").order_by("who")
    whose = known.values_list("who", flat=True).distinct().iterator()
    while some := list(islice(whose, BATCH)):
        ids = {int(who.partition(":")[2]): who for who in some}
        there = set(User.objects.filter(pk__in=ids).values_list("pk", flat=True))
        if gone := [who for pk, who in ids.items() if pk not in there]:
            forgotten += subscriptions.end(gone)
    of_guests = Subscription.objects.filter(who__startswith=subscriptions.by_guest(""))
    is_told = Q(is_once=True, until__lte=log.state().floor)
    is_old = Q(state=Subscription.State.UNCONFIRMED, created_at__lt=now - CONFIRMED_WITHIN)
    is_left = is_told | is_old | Q(state=Subscription.State.DISABLED)
    return forgotten + subscriptions.end(
        list(of_guests.filter(is_left).values_list("who", flat=True)[:BATCH])
    )


def forget_messages(*, now: datetime, keep: timedelta) -> int:
    """Delete what people wrote so long ago; return how many messages.

    Of STOP and START it is still known that somebody said them, and no longer how.
    """
    old = InboundMessage.objects.filter(received_at__lt=now - keep)
    old.filter(word__in=news.LASTING).exclude(sealed="").update(sealed="")
    return old.exclude(word__in=news.LASTING).delete()[0]
