"""`manage.py up`: opens the shop with all its processes and keeps it open."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from museo.ops import up
from museo.ops.preflight import CannotStart, add_run_options


class Command(BaseCommand):
    help = (
        "Opens the shop: database, demo products, web, clock and work processes; Ctrl-C closes it. "
        "Example: manage.py up --port 8123 --speed 60"
    )
    # the database may not be there yet
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_run_options(parser)

    def handle(self, *args: Any, **given: Any) -> None:
        options = up.Options(
            host=given["host"],
            port=given["port"],
            speed=given["speed"] or 0,
            fresh=given["fresh"],
            demo=not given["no_demo"],
            orchestrator_port=settings.MCP_ORCHESTRATOR_PORT or None,
        )
        try:
            up.run(options, home=settings.MUSEO_HOME, say=self._say)
        except CannotStart as problem:
            if given["traceback"]:
                raise
            sys.exit(f"museo: {problem}")

    def _say(self, sentence: str) -> None:
        try:
            self.stdout.write(sentence)
            self.stdout.flush()
        except BrokenPipeError:
            # who listened has gone; the shop stays open
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
