"""`manage.py export_conversations`: a person asks for all that they and the assistant have said."""

from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mcp_bridge.assistant import conversations
from museo.access.models import User


class Command(BaseCommand):
    help = (
        "Prints a person's conversations with the assistant as JSON. "
        "Example: manage.py export_conversations maya@example.org"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="whose account it is")

    def handle(self, *args: Any, **given: Any) -> None:
        user = User.objects.filter(email__iexact=given["email"]).first()
        if user is None:
            raise CommandError("Nobody has an account under this address.")
        found = {"conversations": conversations.exported(user)}
        self.stdout.write(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
