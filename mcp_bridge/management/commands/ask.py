"""`manage.py ask`: talk to the assistant from the terminal."""

import asyncio
import getpass
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from mcp_bridge.assistant import conversations, intake
from mcp_bridge.models import Message
from museo.access.callers import Caller, caller_for_user
from museo.access.models import User
from museo.access.problems import Problem
from museo.lazy import Lazy

answering = Lazy("mcp_bridge.assistant.answering")


class Command(BaseCommand):
    help = (
        "Says something to the assistant and prints its answer; a question is answered with yes or "
        'no. Example: manage.py ask "Do you have iPhone 15?"'
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("message", help="what you want, in your own words")
        parser.add_argument("--as", dest="email", default="", help="for whom; else as a guest")
        parser.add_argument("--locale", default="", help="the language of the answer")
        parser.add_argument("--conversation", default="", help="go on with one: cnv_…")

    def handle(self, *args: Any, **given: Any) -> None:
        caller = _caller(given["email"])
        said, conversation = given["message"], given["conversation"]
        while said:
            message = self._answered(caller, said, conversation, given["locale"])
            response = conversations.read_response(message) or {}
            self.stdout.write(response["message"])
            conversation = message.conversation.public_id
            said = self._yes_or_no() if response["metadata"]["outcome"] == "asked" else ""
        self.stderr.write(f"To go on: --conversation {conversation}")

    def _answered(self, caller: Caller, said: str, conversation: str, locale: str) -> Message:
        async def run() -> int:
            here = answering.here()
            accepted = await answering.in_thread(intake.accept)(
                caller,
                text=said,
                conversation_id=conversation,
                client_type="cli",
                locale=locale,
                runner=here.runner,
                now=timezone.now(),
            )
            if accepted.message.state == Message.State.RUNNING:
                here.start(accepted.message.pk)
            else:
                await here.take(accepted.message.pk)
            await here.idle()
            return int(accepted.message.pk)

        try:
            pk = asyncio.run(run())
        except Problem as problem:
            raise CommandError(problem.detail) from problem
        return Message.objects.select_related("conversation").get(pk=pk)

    def _yes_or_no(self) -> str:
        """What the person at the terminal says; nothing where there is nobody."""
        return input("> ").strip() if sys.stdin.isatty() else ""


def _caller(email: str) -> Caller:
    address = f"terminal:{getpass.getuser()}"
    if not email:
        return caller_for_user(None, locale=settings.LANGUAGE_CODE, address=address)
    user = User.objects.filter(email__iexact=email, is_active=True).first()
    if user is None:
        raise CommandError("Nobody has an account under this address.")
    return caller_for_user(user, locale=user.locale or settings.LANGUAGE_CODE, address=address)
