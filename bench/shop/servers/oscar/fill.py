"""Makes the tables and puts the products in: `python -m bench.shop.servers.oscar.fill FILE`."""

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
    call_command("migrate", verbosity=0)

    from oscar.core.loading import get_model

    sold = products.read(Path(sys.argv[1]))
    get_model("address", "Country").objects.create(
        iso_3166_1_a2="FI", iso_3166_1_a3="FIN", printable_name="Finland", is_shipping_country=True
    )
    kind = get_model("catalogue", "ProductClass").objects.create(name="Goods")
    partner = get_model("partner", "Partner").objects.create(name="Museum")
    category_of = {
        slug: get_model("catalogue", "Category").add_root(name=slug, slug=slug)
        for slug in dict.fromkeys(product.category for product in sold)
    }
    product_of = get_model("catalogue", "Product")
    made = product_of.objects.bulk_create(
        product_of(
            product_class=kind,
            structure="standalone",
            upc=each.sku,
            title=each.name,
            slug=each.slug,
            description=each.description,
        )
        for each in sold
    )
    pairs = list(zip(made, sold, strict=True))
    for product, each in pairs:
        product.date_created = datetime.fromisoformat(each.published_at)
    product_of.objects.bulk_update(made, ["date_created"], batch_size=1000)
    stock = get_model("partner", "StockRecord")
    stock.objects.bulk_create(
        stock(
            product=product,
            partner=partner,
            partner_sku=each.sku,
            price_currency="EUR",
            price=Decimal(each.amount) / 100,
            num_in_stock=AMPLE,
        )
        for product, each in pairs
    )
    placed = get_model("catalogue", "ProductCategory")
    placed.objects.bulk_create(
        placed(product=product, category=category_of[each.category]) for product, each in pairs
    )
    picture = get_model("catalogue", "ProductImage")
    picture.objects.bulk_create(
        picture(product=product, original=each.image.removeprefix("/media/"))
        for product, each in pairs
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
