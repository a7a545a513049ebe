"""Nobody changes what was decided about an order, and what a provider has told."""

from django.db import migrations

from museo.statements import append_only


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]
    operations = [
        append_only("orders_adjustment", "adjustments"),
        append_only("orders_paymentevent", "payment events"),
    ]
