"""What the clock does for access."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from museo.access import connections, grants, idempotency, trail


@shared_task(name="access.forget_ended_tokens")
def forget_ended_tokens() -> int:
    """Delete tokens and old Idempotency-Keys, which open nothing any more, and unused clients."""
    now = timezone.now()
    return (
        grants.forget_ended(now=now)
        + connections.forget_ended(now=now)
        + idempotency.forget(now=now, keep=idempotency.KEPT)
    )


@shared_task(name="access.forget_old_calls")
def forget_old_calls() -> int:
    """Delete from the trail what agents called longer than MUSEO_TRAIL_DAYS ago."""
    keep = timedelta(days=settings.MUSEO_TRAIL_DAYS)
    return trail.forget_calls(now=timezone.now(), keep=keep)
