"""The ways of delivery that a new shop begins with; staff change them."""

from django.db import migrations

# the names are in the translations, too
FIRST = [
    {
        "code": "courier",
        "name": "Courier to your door",
        "price": 390,
        "plan": "courier",
        "kinds": ["physical", "food"],
        "needs_address": True,
    },
    {
        "code": "pickup",
        "name": "Pick up at the museum",
        "price": 0,
        "plan": "pickup",
        "kinds": ["physical", "food"],
        "needs_address": False,
    },
    {
        "code": "digital",
        "name": "By e-mail, at once",
        "price": 0,
        "plan": "digital",
        "kinds": ["digital", "ticket"],
        "needs_address": False,
    },
]


def forwards(apps, schema_editor):
    options = apps.get_model("orders", "DeliveryOption").objects
    for position, option in enumerate(FIRST):
        options.get_or_create(code=option["code"], defaults={**option, "position": position})


class Migration(migrations.Migration):
    dependencies = [("orders", "0002_what_was_decided_is_append_only")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
