"""`manage.py audit`: proves that nothing was lost."""

import sys
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from museo.ops import audit


class Command(BaseCommand):
    help = (
        "Looks whether all that must be true is true: positions and versions without a hole, "
        "orders that moved if and only if an event says so. Ends with 1 if something is not. "
        "Example: manage.py audit --json"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object a line")

    def handle(self, *args: Any, **options: Any) -> None:
        all_hold = True
        for answer in audit.run(now=timezone.now()):
            all_hold &= answer.holds
            self.stdout.write(
                orjson.dumps(answer.as_json()).decode() if options["json"] else _line(answer)
            )
        if not all_hold:
            sys.exit(1)


def _line(answer: audit.Answer) -> str:
    finding = answer.finding
    state = "holds " if answer.holds else "BROKEN"
    first = f"{state} {answer.seconds:7.2f} s  {finding.name} ({finding.looked_at})"
    if more := finding.broken - len(finding.offenders):
        named = [*finding.offenders, f"and {more} more"]
    else:
        named = finding.offenders
    return "\n".join([first, *(f"         {offender}" for offender in named)])
