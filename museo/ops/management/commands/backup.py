"""`manage.py backup`: the whole shop in one file."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from museo.ops import backups
from museo.ops.preflight import CannotStart


class Command(BaseCommand):
    help = (
        "Copies database and media into one file while the shop is open, and restores the copy "
        "beside to see that it can be. Example: manage.py backup /backups/museo-monday.tar"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--no-verify", action="store_true", help="do not restore it; PostgreSQL may refuse to"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"]
        try:
            verify = not options["no_verify"]
            made = backups.make(file, now=timezone.now(), verify=verify, say=self.stdout.write)
        except CannotStart as problem:
            raise CommandError(str(problem)) from problem
        rows = sum(made.tables.values())
        size = file.stat().st_size / 1024 / 1024
        self.stdout.write(f"{file}: {size:.1f} MB up to position {made.head}; rows: {rows}.")
        self.stdout.write("Keep MUSEO_ENCRYPTION_KEYS elsewhere: the secrets in it need them.")
