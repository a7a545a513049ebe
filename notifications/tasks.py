"""What is done in the background for the log."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from notifications import retention


@shared_task(name="notifications.forget_old_events")
def forget_old_events() -> int:
    """Delete what is older than MUSEO_LOG_DAYS."""
    keep = timedelta(days=settings.MUSEO_LOG_DAYS)
    return retention.forget(now=timezone.now(), keep=keep)
