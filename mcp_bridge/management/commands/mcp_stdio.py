"""`manage.py mcp_stdio`: the shop, or another one far away, as a program of an MCP client."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mcp_bridge import stdio
from museo.lazy import Lazy

toolsets = Lazy("mcp_bridge.toolsets")


class Command(BaseCommand):
    help = (
        "Speaks MCP on standard input and output. With MCP_MUSEO_API_URL it passes everything on "
        "to the Museo at that address, as MCP_API_KEY and MCP_API_SECRET say, and needs no "
        "database. Example: manage.py mcp_stdio --toolset storefront"
    )
    # nothing but messages may be written
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--toolset", default="", help="these tools alone, such as storefront")
        parser.add_argument("--token", default="", help="an access token; without one, a guest's")

    def handle(self, *args: Any, **given: Any) -> None:
        toolset, token = given["toolset"], given["token"]
        if settings.MCP_MUSEO_API_URL:
            if bool(settings.MCP_API_KEY) != bool(settings.MCP_API_SECRET):
                raise CommandError("Set both MCP_API_KEY and MCP_API_SECRET, or neither.")
            stdio.run(stdio.serve_far_away(toolset, token))
            return
        if toolset and toolset not in toolsets.TOOLSETS:
            names = ", ".join(toolsets.TOOLSETS)
            raise CommandError(f"There is no toolset {toolset}. There are: {names}.")
        stdio.run(stdio.serve(toolset, token))
