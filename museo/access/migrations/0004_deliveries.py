"""Who looks after customers looks after what they are told, and reads what they write."""

from django.db import migrations

from museo.access.roles import FULFILLMENT, OWNER, SUPPORT, give, view

MODELS = ("subscription", "delivery", "inboundmessage")
CHANGE = [f"notifications.change_{model}" for model in MODELS]
PERMISSIONS = {
    OWNER: [
        *view("notifications", *MODELS, "tally"),
        *CHANGE,
        "notifications.change_tally",
    ],
    FULFILLMENT: view("notifications", "subscription", "delivery", "tally"),
    SUPPORT: [*view("notifications", *MODELS, "tally"), "notifications.change_subscription"],
}


class Migration(migrations.Migration):
    dependencies = [("access", "0003_modifiers"), ("notifications", "0008_desk")]

    operations = [migrations.RunPython(give(PERMISSIONS), migrations.RunPython.noop)]
