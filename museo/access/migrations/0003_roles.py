"""The roles of staff, and what each may do (docs/access.md)."""

from django.db import migrations

from museo.access.roles import CATALOGUE, FULFILLMENT, OWNER, SUPPORT, crud, give, view

PRODUCTS = (
    "category",
    "master",
    "productoption",
    "optionvalue",
    "variant",
    "price",
    "stockitem",
    "media",
    "modifiergroup",
    "modifier",
)
TOLD = ("subscription", "delivery", "inboundmessage")
TERMS = ("coupon", "taxrate", "deliveryoption", "deliveryarea", "plan", "planstep")
MODERATE = [
    f"catalog.{what}_{model}" for model in ("review", "question") for what in ("view", "change")
]
PERMISSIONS = {
    OWNER: [
        *crud("catalog", *PRODUCTS, "import", "shopsettings", "openinghours"),
        *MODERATE,
        *crud("orders", "order", *TERMS),
        *view("orders", "payment"),
        "orders.change_payment",
        *crud("access", "user", "serviceaccount"),
        *view("auth", "group"),
        *view("access", "heartbeat"),
        *view("notifications", "event", *TOLD, "tally"),
        *(f"notifications.change_{model}" for model in (*TOLD, "tally")),
        # nobody changes a trail: the admin refuses it to everybody
        *view("access", "trail"),
        "access.change_trail",
    ],
    CATALOGUE: [
        *crud("catalog", *PRODUCTS, "import"),
        *MODERATE,
        *crud("orders", "coupon"),
    ],
    FULFILLMENT: [
        *view("orders", "order"),
        "orders.change_order",
        *view("orders", "payment", "deliveryoption", "deliveryarea", "plan", "planstep"),
        *view("catalog", *PRODUCTS),
        "catalog.change_stockitem",
        *view("notifications", "subscription", "delivery", "tally"),
    ],
    SUPPORT: [
        *view("orders", "order", "payment", *TERMS),
        "orders.change_order",
        "orders.change_payment",
        *MODERATE,
        *view("catalog", *PRODUCTS),
        *view("access", "user"),
        *view("notifications", "event", *TOLD, "tally"),
        "notifications.change_subscription",
    ],
}


def take_back(apps, schema_editor):
    apps.get_model("auth", "Group").objects.filter(name__in=PERMISSIONS).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0002_connections"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("catalog", "0001_initial"),
        ("orders", "0001_initial"),
        ("notifications", "0001_initial"),
    ]

    operations = [migrations.RunPython(give(PERMISSIONS), take_back)]
