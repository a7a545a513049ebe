from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from catalog.demo.fill import fill
from orders import demo


class Command(BaseCommand):
    help = "Fill the shop with the demo catalogue, taxes and a coupon. Example: manage.py demo"

    def handle(self, *args: Any, **options: Any) -> None:
        count = fill(now=timezone.now())
        demo.fill()
        self.stdout.write(f"The demo shop has {count} products.")
