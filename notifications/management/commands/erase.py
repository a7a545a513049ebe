"""`manage.py erase`: a person asks to be forgotten."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from museo.access.problems import Problem
from notifications import channels, erasure


class Command(BaseCommand):
    help = (
        "Erases a person: their account, who and where their orders went to, the texts of their "
        "notices and of their messages to the shop; that there were some stays, and what was "
        "bought. Example: manage.py erase maya@example.org --besides sms:+358401234567"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="of their account, or with which they bought as a guest")
        parser.add_argument(
            "--besides",
            action="append",
            default=[],
            metavar="CHANNEL:ADDRESS",
            help="another address of theirs, which the account does not know",
        )

    def handle(self, *args: Any, **given: Any) -> None:
        person = erasure.find(given["email"])
        addresses = [_address(text) for text in given["besides"]]
        try:
            erased = erasure.erase(person, besides=addresses, now=timezone.now())
        except Problem as problem:
            numbers = ", ".join(problem.facts.get("numbers", ()))
            raise CommandError(f"{problem.detail} {numbers}".strip()) from None
        if person.user is None and erased == erasure.Erased(0, 0):
            raise CommandError("Nothing is known of this address.")
        self.stdout.write(f"Erased: texts {erased.texts}, messages {erased.messages}.")
        if erased.programs:
            self.stdout.write(f"Service accounts revoked: {', '.join(erased.programs)}.")


def _address(text: str) -> erasure.Address:
    channel, _colon, address = text.partition(":")
    if channel not in channels.CHANNELS or not address:
        known = ", ".join(channels.CHANNELS)
        raise CommandError(f"Write a channel and an address, such as sms:+358…; one of {known}.")
    return channel, address
