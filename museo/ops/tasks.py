"""What is done in the background for the shop as a whole."""

from celery import shared_task
from django.utils import timezone

from museo.ops import audit


@shared_task(name="ops.audit")
def audit_at_night() -> int:
    """Look whether all that must be true is true, and tell staff if not; how much is not."""
    return len(audit.at_night(now=timezone.now()))
