from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from catalog.search import index


class Command(BaseCommand):
    help = (
        "Make the search index anew and forget words that no product has any more. The shop stays "
        "open meanwhile. Example: manage.py reindex"
    )

    def handle(self, *args: Any, **options: Any) -> None:
        count = index.rebuild(now=timezone.now())
        self.stdout.write(f"Products in the search index: {count}.")
