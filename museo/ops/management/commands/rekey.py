"""`manage.py rekey`: older encryption keys are needed no more."""

from typing import Any

from django.core.management.base import BaseCommand

from museo.ops import rekey


class Command(BaseCommand):
    help = (
        "Seals with the newest of MUSEO_ENCRYPTION_KEYS whatever is sealed; the shop may be open. "
        "Afterwards the older keys can be left out. Example: manage.py rekey"
    )

    def handle(self, *args: Any, **options: Any) -> None:
        total = 0
        for column, count in rekey.run():
            total += count
            self.stdout.write(f"{column}: {count}")
        self.stdout.write(f"Sealed anew: {total}.")
