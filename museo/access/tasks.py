"""What the clock does for access."""

from celery import shared_task
from django.utils import timezone

from museo.access import grants


@shared_task(name="access.forget_ended_tokens")
def forget_ended_tokens() -> int:
    """Delete tokens that can open nothing any more."""
    return grants.forget_ended(now=timezone.now())
