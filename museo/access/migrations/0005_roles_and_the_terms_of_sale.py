"""Who of the staff keeps coupons, taxes, delivery and plans."""

from django.db import migrations

from museo.access.roles import CATALOGUE, FULFILLMENT, OWNER, SUPPORT, crud, give, view

TERMS = ("coupon", "taxrate", "deliveryoption", "deliveryarea", "plan", "planstep")
PERMISSIONS = {
    OWNER: crud("orders", *TERMS),
    CATALOGUE: crud("orders", "coupon"),
    FULFILLMENT: view("orders", "deliveryoption", "deliveryarea", "plan", "planstep"),
    SUPPORT: view("orders", *TERMS),
}


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0004_roles"),
        ("orders", "0008_notes_and_returns"),
    ]

    operations = [migrations.RunPython(give(PERMISSIONS), migrations.RunPython.noop)]
