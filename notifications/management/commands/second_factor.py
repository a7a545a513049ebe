"""`manage.py second_factor`: the way out for who has lost their app and their recovery codes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from museo.access.models import User
from notifications import access_changes


class Command(BaseCommand):
    help = (
        "Turns somebody's second factor off, so that their password is enough again. "
        "Example: manage.py second_factor off owner@example.org"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        doing = parser.add_subparsers(dest="doing", required=True)
        off = doing.add_parser("off", help="nothing is asked for but the password")
        off.add_argument("email", help="whose account it is")

    def handle(self, *args: Any, **given: Any) -> None:
        user = User.objects.filter(email__iexact=given["email"]).first()
        if user is None:
            raise CommandError(f"Nobody has the e-mail address {given['email']}.")
        if not access_changes.turn_off_second_factor(user, who="", now=timezone.now()):
            raise CommandError(f"{user.email} has no second factor.")
        self.stdout.write(f"{user.email} signs in by password alone now.")
