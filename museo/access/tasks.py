"""What the clock does for access."""

from celery import shared_task
from django.utils import timezone

from museo.access import connections, grants


@shared_task(name="access.forget_ended_tokens")
def forget_ended_tokens() -> int:
    """Delete tokens that can open nothing any more, and clients that nobody uses."""
    now = timezone.now()
    return grants.forget_ended(now=now) + connections.forget_ended(now=now)
