"""Makes the tables and puts the products in: `python -m bench.shop.servers.naive.fill FILE`."""

import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connection

from bench.shop import products
from bench.shop.products import AMPLE

if __name__ == "__main__":
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)

    from bench.shop.servers.naive.models import Category, Image, Product

    sold = products.read(Path(sys.argv[1]))
    rooms = {product.category: product.room for product in sold}
    categories = {
        category.slug: category
        for category in Category.objects.bulk_create(
            Category(slug=slug, room=room) for slug, room in rooms.items()
        )
    }
    made = Product.objects.bulk_create(
        Product(
            slug=each.slug,
            sku=each.sku,
            name=each.name,
            subtitle=each.subtitle,
            description=each.description,
            category=categories[each.category],
            price=Decimal(each.amount) / 100,
            stock=AMPLE,
            published_at=datetime.fromisoformat(each.published_at),
        )
        for each in sold
    )
    Image.objects.bulk_create(
        Image(product=product, url=each.image) for product, each in zip(made, sold, strict=True)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
