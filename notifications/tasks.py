"""What is done in the background for the log, and for those who are told of it."""

import random
import time
from datetime import datetime, timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from museo.access import heartbeat
from notifications import callbacks, digests, dispatcher, peace, retention, sending, statistics
from notifications.models import Delivery

# a tick is over before the next one
TICK_SECONDS = 0.8


@shared_task(name="notifications.forget_old_events")
def forget_old_events() -> int:
    """Delete what is older than MUSEO_LOG_DAYS."""
    keep = timedelta(days=settings.MUSEO_LOG_DAYS)
    return retention.forget(now=timezone.now(), keep=keep)


@shared_task(name="notifications.forget_old_deliveries")
def forget_old_deliveries() -> int:
    """Delete deliveries older than MUSEO_DELIVERY_DAYS, and messages than MUSEO_INBOX_DAYS.

    And subscriptions of those who are no more.
    """
    now = timezone.now()
    retention.forget_subscriptions(now=now)
    retention.forget_messages(now=now, keep=timedelta(days=settings.MUSEO_INBOX_DAYS))
    return retention.forget_deliveries(now=now, keep=timedelta(days=settings.MUSEO_DELIVERY_DAYS))


@shared_task(name="notifications.end_expired_callbacks")
def end_expired_callbacks() -> int:
    """Forget what programs asked to be told of for a time that is over."""
    return callbacks.end_expired(now=timezone.now())


@shared_task(name="notifications.deliver")
def deliver() -> int:
    """Make the deliveries of what has happened, and send what is due; return how many were sent.

    Where nothing waits, that is found by a look at each of three indexes.
    """
    sent = _deliver()
    heartbeat.record("deliver", timezone.now())
    return sent


def _deliver() -> int:
    deadline = time.monotonic() + TICK_SECONDS
    while dispatcher.dispatch(now=timezone.now()) and time.monotonic() < deadline:
        pass
    now = timezone.now()
    if _is_due(Delivery.objects.gathering().first_due(), now):
        digests.gather(now=now)
    soonest = Delivery.objects.pending().first_due()
    if soonest is None:
        return 0
    if _is_due(soonest, now):
        peace.leave_out_acknowledged(now=now)
        peace.put_off(now=now)
    # so that not all come back at once; nobody need be unable to guess it
    return sending.run(clock=timezone.now, dice=random.Random()).sent  # noqa: S311


def _is_due(soonest: datetime | None, now: datetime) -> bool:
    return soonest is not None and soonest <= now


@shared_task(name="notifications.keep_statistics")
def keep_statistics() -> None:
    """Count what has happened."""
    deadline = time.monotonic() + TICK_SECONDS
    while statistics.keep(now=timezone.now()) and time.monotonic() < deadline:
        pass
