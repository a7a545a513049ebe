"""What the clock and the workers do for the catalogue."""

from datetime import datetime

from celery import shared_task
from django.utils import timezone

from catalog import editions
from catalog.imports import services as imports
from catalog.imports import working
from catalog.search import index


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


@shared_task(name="catalog.refresh_prices")
def refresh_prices() -> int:
    """Let searches find planned prices from their moment on; return how many products have one."""
    return index.refresh_prices(now=timezone.now())


@shared_task(name="catalog.fold_writes")
def fold_writes() -> int:
    """Count the writes to the catalogue that have a row each; return how many."""
    return editions.fold()


def _clock() -> datetime:
    return timezone.now()
