import asyncio
from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from catalog.demo import house, scale
from catalog.demo.fill import fill
from museo.lazy import Lazy
from notifications import log
from orders import demo

demo_orders = Lazy("orders.demo_orders")
handsfree = Lazy("mcp_bridge.handsfree")


class Command(BaseCommand):
    help = """Fill the shop with the demo catalogue, taxes and a coupon, or bring it up to date.

  manage.py demo                    130 products in five languages
  manage.py demo --orders           and in a new shop a few orders under way
  manage.py demo --scale 100000     and 100,000 more, for load tests: the same ones every time
  manage.py demo --handsfree        order from the open shop in a chat, and be told every step

What staff have changed and what has been sold stays."""

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> CommandParser:
        options["formatter_class"] = RawDescriptionHelpFormatter
        return super().create_parser(prog_name, subcommand, **options)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--orders", action="store_true", help="let a new shop begin with orders under way"
        )
        parser.add_argument(
            "--scale", type=int, default=0, metavar="N", help="so many more products for load tests"
        )
        parser.add_argument(
            "--handsfree",
            nargs="?",
            const=f"{settings.MUSEO_PUBLIC_URL}/mcp",
            metavar="URL",
            help="play a chat with a running shop, at its address of MCP",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["handsfree"]:
            self._play(options["handsfree"])
            return
        if not 0 <= options["scale"] <= 10_000_000:
            raise CommandError("--scale takes a number from 0 to 10000000.")
        now = timezone.now()
        count = fill(now=now)
        demo.fill()
        with log.change():
            if house.open_doors(now=now) and options["orders"]:
                demo_orders.begin(now=now)
        self.stdout.write(f"Products in the demo shop: {count}.")
        if options["scale"]:
            new = scale.grow(options["scale"], now=now)
            self.stdout.write(f"For load tests it has {options['scale']} more, {new} of them new.")

    def _play(self, address: str) -> None:
        try:
            asyncio.run(handsfree.play(address, self.stdout.write))
        except handsfree.Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        except handsfree.TROUBLES as trouble:
            raise CommandError(
                f"The shop at {address} could not be talked to ({type(trouble).__name__}); "
                "manage.py mcp_doctor says why."
            ) from trouble
