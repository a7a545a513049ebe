"""What the clock does for the bridge."""

from celery import shared_task
from django.utils import timezone

from mcp_bridge import following


@shared_task(name="mcp_bridge.forget_ended_sessions")
def forget_ended_sessions() -> int:
    """Delete what sessions followed that nobody has taken the place of."""
    return following.forget_ended(now=timezone.now())
