"""`manage.py prepare`: makes a shop ready whose processes others start."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from museo.ops import prepare
from museo.ops.preflight import CannotStart


class Command(BaseCommand):
    help = (
        "Makes tables and the first staff login, and says it; once before the processes of a "
        "version start. Example: manage.py prepare --demo"
    )
    # the database may not be there yet
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--demo", action="store_true", help="fill it with the demo products and orders"
        )

    def handle(self, *args: Any, **given: Any) -> None:
        try:
            with prepare.in_words(settings.MUSEO_HOME):
                login = prepare.shop(settings.MUSEO_HOME, demo=given["demo"])
        except CannotStart as problem:
            if given["traceback"]:
                raise
            sys.exit(f"museo: {problem}")
        self.stdout.write(
            "Ready. Staff sign in at /admin/" + (f" as {login.email}." if login else ".")
        )
        if login and login.password:
            self.stdout.write(f"The first password is in {settings.MUSEO_HOME / 'staff-login'}.")
