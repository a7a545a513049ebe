"""Only owners say what the shop is."""

from django.db import migrations

from museo.access.roles import OWNER, crud, give

PERMISSIONS = {OWNER: crud("catalog", "shopsettings", "openinghours")}


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0011_shops_that_are_open"),
        ("access", "0004_roles"),
    ]
    operations = [migrations.RunPython(give(PERMISSIONS), migrations.RunPython.noop)]
