"""Makes Museo's shop and writes down what it sells, for the peers; prints how the web starts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

from bench.shop import products
from bench.shop.products import AMPLE, Product
from catalog import cursors
from catalog.demo import scale
from catalog.models import Master, StockItem
from catalog.products import SORTS
from catalog.search import index
from museo.ops import prepare, up


def main() -> None:
    port, count, file = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    prepare.shop(settings.MUSEO_HOME, demo=True)
    scale.grow(count, now=timezone.now())
    # the demo lends its rooms and pictures; what is sold is the same everywhere
    lent = Master.objects.exclude(slug__startswith=scale.SLUG)
    lent.update(status=Master.Status.ARCHIVED)
    index.refresh(list(lent.values_list("pk", flat=True)), now=timezone.now())
    StockItem.objects.update(on_hand=AMPLE)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    products.write(_products(), file)
    web = up.parts(up.Options(port=port))[0]
    sys.stdout.write(json.dumps({"uvicorn": web.command, "middle": _middle(count)}) + "\n")


def _middle(count: int) -> str:
    """The cursor of the place where half of the newest have been listed."""
    newest = SORTS["newest"]
    rows = Master.objects.on_sale().order_by(*newest).values("published_at", "pk")
    return cursors.at(rows[count // 2], newest, cursors.of("products"))


def _products() -> Iterator[Product]:
    rows = Master.objects.on_sale().order_by("-published_at", "-pk")
    for row in rows.values(
        "slug",
        "published_at",
        "variants__sku",
        "variants__prices__amount",
        "translations__name",
        "translations__subtitle",
        "translations__description",
        "primary_category__slug",
        "primary_category__room",
        "media__file",
    ).iterator():
        yield Product(
            slug=row["slug"],
            sku=row["variants__sku"],
            name=row["translations__name"],
            subtitle=row["translations__subtitle"],
            description=row["translations__description"],
            category=row["primary_category__slug"],
            room=row["primary_category__room"],
            image=f"{settings.MEDIA_URL}{row['media__file']}",
            amount=row["variants__prices__amount"],
            published_at=row["published_at"].isoformat(),
        )


if __name__ == "__main__":
    main()
