from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from catalog.demo import house, scale
from catalog.demo.fill import fill
from orders import demo


class Command(BaseCommand):
    help = """Fill the shop with the demo catalogue, taxes and a coupon, or bring it up to date.

  manage.py demo                    130 products in five languages
  manage.py demo --scale 100000     and 100,000 more, for load tests: the same ones every time

What staff have changed and what has been sold stays."""

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> CommandParser:
        options["formatter_class"] = RawDescriptionHelpFormatter
        return super().create_parser(prog_name, subcommand, **options)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--scale", type=int, default=0, metavar="N", help="so many more products for load tests"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 <= options["scale"] <= 10_000_000:
            raise CommandError("--scale takes a number from 0 to 10000000.")
        now = timezone.now()
        count = fill(now=now)
        demo.fill()
        house.open_doors(now=now)
        self.stdout.write(f"The demo shop has {count} products.")
        if options["scale"]:
            new = scale.grow(options["scale"], now=now)
            self.stdout.write(f"For load tests it has {options['scale']} more, {new} of them new.")
