"""`manage.py restore`: the shop as a backup has it."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from museo.ops import backups, lock, prepare
from museo.ops.preflight import CannotStart


class Command(BaseCommand):
    help = (
        "Puts a backup in the place of the shop: everything since is gone. The shop must be "
        "closed. Example: manage.py restore /backups/museo-monday.tar --yes"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--yes", action="store_true", help="what is here now may be lost")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["yes"]:
            raise CommandError("This replaces the shop that is here. If it may be lost, add --yes.")
        home = settings.MUSEO_HOME
        try:
            with prepare.in_words(home), lock.hold(home):
                found = backups.restore(options["file"], say=self.stdout.write)
        except CannotStart as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"The shop is as it was at {found.made_at}; clients start anew.")
