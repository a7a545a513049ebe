"""Forgets old events: raises the log's floor, then deletes what lies below it, in batches.

Never past the slowest reader. What must outlast the log has tables of its own.
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max, Min

from notifications import log, readers
from notifications.models import Event, EventText, EventTopic, LogHead

logger = logging.getLogger(__name__)
BATCH = 5000


def forget(*, now: datetime, keep: timedelta) -> int:
    """Delete the events older than `keep` that every reader has read; return how many."""
    for reader in readers.late(now=now):
        logger.warning("reader is late", extra={"reader": reader.name, "position": reader.position})
    floor = _last_before(now - keep)
    slowest = readers.slowest()
    if slowest is not None:
        floor = min(floor, slowest)
    # the floor first: who reads meanwhile is told that something is missing
    LogHead.objects.filter(floor__lt=floor, head__gte=floor).update(floor=floor)
    return _delete_up_to(log.state().floor)


def _last_before(moment: datetime) -> int:
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
