"""Stock that was there before movements were kept gets its first one; none is changed again."""

from django.db import migrations
from django.db.models import F, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

REFUSAL = "stock movements are append-only"
POSTGRESQL = [
    f"""
    CREATE FUNCTION catalog_stockmovement_is_append_only() RETURNS trigger AS $$
    BEGIN
        RAISE EXCEPTION '{REFUSAL}';
    END
    $$ LANGUAGE plpgsql
    """,
    "CREATE TRIGGER catalog_stockmovement_append_only BEFORE UPDATE ON catalog_stockmovement"
    " FOR EACH ROW EXECUTE FUNCTION catalog_stockmovement_is_append_only()",
]
SQLITE = [
    "CREATE TRIGGER catalog_stockmovement_append_only BEFORE UPDATE ON catalog_stockmovement"
    f" BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
]
POSTGRESQL_BACK = [
    "DROP TRIGGER catalog_stockmovement_append_only ON catalog_stockmovement",
    "DROP FUNCTION catalog_stockmovement_is_append_only()",
]
SQLITE_BACK = ["DROP TRIGGER catalog_stockmovement_append_only"]
BATCH = 1000


def forwards(apps, schema_editor):
    open_books(apps)
    run(schema_editor, POSTGRESQL, SQLITE)


def open_books(apps):
    """What an item has more or less than its movements say is its opening movement."""
    items = apps.get_model("catalog", "StockItem").objects
    movements = apps.get_model("catalog", "StockMovement").objects
    unsaid = items.annotate(said=Coalesce(Sum("movements__delta"), 0)).exclude(said=F("on_hand"))
    rows = unsaid.order_by("pk").values_list("pk", "on_hand", "said")
    now = timezone.now()
    movements.bulk_create(
        [
            movements.model(stock_item_id=pk, delta=on_hand - said, kind="receive", at=now)
            for pk, on_hand, said in rows
        ],
        batch_size=BATCH,
    )


def backwards(apps, schema_editor):
    run(schema_editor, POSTGRESQL_BACK, SQLITE_BACK)


def run(schema_editor, postgresql, sqlite):
    for statement in postgresql if schema_editor.connection.vendor == "postgresql" else sqlite:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0005_what_shoppers_say")]
    operations = [migrations.RunPython(forwards, backwards)]
