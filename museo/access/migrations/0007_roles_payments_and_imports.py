"""Who of the staff sees payments, and who imports products."""

from django.db import migrations

from museo.access.roles import CATALOGUE, FULFILLMENT, OWNER, SUPPORT, crud, give, view

PERMISSIONS = {
    OWNER: [*crud("catalog", "import"), *view("orders", "payment"), "orders.change_payment"],
    CATALOGUE: crud("catalog", "import"),
    FULFILLMENT: view("orders", "payment"),
    SUPPORT: [*view("orders", "payment"), "orders.change_payment"],
}


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0006_trail"),
        ("catalog", "0004_imports"),
        ("orders", "0012_payment_events_are_append_only"),
    ]

    operations = [migrations.RunPython(give(PERMISSIONS), migrations.RunPython.noop)]
