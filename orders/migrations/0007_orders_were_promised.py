"""Orders that were placed before there were promises: they were promised what is expected."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0006_plans_and_promises")]
    operations = [
        migrations.RunSQL(
            "UPDATE orders_order SET promised_at = eta WHERE promised_at IS NULL",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField("order", "promised_at", models.DateTimeField()),
    ]
