"""What is done in the background for the catalogue."""

from datetime import datetime

from celery import shared_task
from django.utils import timezone

from catalog.imports import services as imports
from catalog.imports import working


@shared_task(name="catalog.work_on_imports")
def work_on_imports() -> int:
    """Work on the imports that wait, and on those whose worker died; return how many."""
    done = 0
    while working.work_on_next(_clock):
        done += 1
    return done


@shared_task(name="catalog.forget_old_imports")
def forget_old_imports() -> int:
    """Delete files and rows of imports that nobody will undo any more."""
    return imports.forget_old(now=timezone.now())


def _clock() -> datetime:
    return timezone.now()
