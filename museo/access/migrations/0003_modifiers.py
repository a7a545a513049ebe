"""Who may write products may write what is chosen with them."""

from django.db import migrations

from museo.access.roles import CATALOGUE, FULFILLMENT, OWNER, SUPPORT, crud, give, view

MODELS = ("modifiergroup", "modifier")
PERMISSIONS = {
    OWNER: crud("catalog", *MODELS),
    CATALOGUE: crud("catalog", *MODELS),
    FULFILLMENT: view("catalog", *MODELS),
    SUPPORT: view("catalog", *MODELS),
}


class Migration(migrations.Migration):
    dependencies = [("access", "0002_roles"), ("catalog", "0008_modifiers")]

    operations = [migrations.RunPython(give(PERMISSIONS), migrations.RunPython.noop)]
