"""Who reads and publishes what shoppers say."""

from django.db import migrations

from museo.access.roles import CATALOGUE, OWNER, SUPPORT, give

MODERATE = [
    f"catalog.{what}_{model}" for model in ("review", "question") for what in ("view", "change")
]


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0006_stock_movements_add_up"),
        ("access", "0004_roles"),
    ]

    operations = [
        migrations.RunPython(
            give({OWNER: MODERATE, CATALOGUE: MODERATE, SUPPORT: MODERATE}),
            migrations.RunPython.noop,
        )
    ]
