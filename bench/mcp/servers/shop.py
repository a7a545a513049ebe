"""Makes the shop that is called, with products and orders; prints what the bench must know."""

from __future__ import annotations

import json
import sys

from django.conf import settings
from django.db import connection
from django.utils import timezone

from bench.live.servers.museo.shop import place
from catalog.demo import scale
from museo.access.models import User
from museo.ops import prepare, up


def main() -> None:
    port, products, orders = (int(word) for word in sys.argv[1:4])
    now = timezone.now()
    prepare.shop(settings.MUSEO_HOME, demo=True)
    scale.grow(products, now=now)
    User.objects.create_superuser("bench@example.org", password=None)
    made = place(orders, now=now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    told = {
        "command": up.parts(up.Options(port=port))[0].command,
        "orders": [[each.number, each.ticket] for each in made],
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
