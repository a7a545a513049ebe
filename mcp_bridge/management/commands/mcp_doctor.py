"""`manage.py mcp_doctor`: whether MCP works, from here to the shop and back."""

import asyncio
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from museo.lazy import Lazy

doctor = Lazy("mcp_bridge.doctor")
listing = Lazy("mcp_bridge.listing")


class Command(BaseCommand):
    help = (
        "Discovers a running shop over MCP, lists and calls its tools and waits to be told of "
        "something, as clients of both eras do; says what is wrong, and ends with 1 if something "
        "is. Example: manage.py mcp_doctor https://shop.example/mcp"
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("url", nargs="?", default=f"{settings.MUSEO_PUBLIC_URL}/mcp")
        parser.add_argument("--token", default="", help="an access token; without one, as a guest")

        parser.add_argument(
            "--listing",
            type=Path,
            metavar="server.json",
            help="also look at the shop's entry for the MCP Registry",
        )

    def handle(self, *args: Any, **given: Any) -> None:
        self.stdout.write(f"Looking at {given['url']}")
        examining = doctor.examine(given["url"], token=given["token"], say=self.stdout.write)
        is_well = asyncio.run(examining)
        if given["listing"]:
            is_well = self._look_at_listing(given["listing"], given["url"]) and is_well
        if not is_well:
            raise CommandError("Something is wrong; what it is stands above.")
        self.stdout.write("All is well.")

    def _look_at_listing(self, file: Path, address: str) -> bool:
        found = listing.troubles(file, address)
        self.stdout.write("As an entry of the MCP Registry:")
        for trouble in found:
            self.stdout.write(f"  ✗ {trouble}")
        if not found:
            self.stdout.write("  ✓ Nothing stands in its way.")
        return not found
