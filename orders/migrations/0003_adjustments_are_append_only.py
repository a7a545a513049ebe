"""A trigger that lets nobody change what was decided about an order."""

from django.db import migrations

REFUSAL = "adjustments are append-only"
POSTGRESQL = [
    f"""
    CREATE FUNCTION orders_adjustment_is_append_only() RETURNS trigger AS $$
    BEGIN
        RAISE EXCEPTION '{REFUSAL}';
    END
    $$ LANGUAGE plpgsql
    """,
    "CREATE TRIGGER orders_adjustment_append_only BEFORE UPDATE ON orders_adjustment"
    " FOR EACH ROW EXECUTE FUNCTION orders_adjustment_is_append_only()",
]
SQLITE = [
    "CREATE TRIGGER orders_adjustment_append_only BEFORE UPDATE ON orders_adjustment"
    f" BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
]
POSTGRESQL_BACK = [
    "DROP TRIGGER orders_adjustment_append_only ON orders_adjustment",
    "DROP FUNCTION orders_adjustment_is_append_only()",
]
SQLITE_BACK = ["DROP TRIGGER orders_adjustment_append_only"]


def forwards(apps, schema_editor):
    run(schema_editor, POSTGRESQL, SQLITE)


def backwards(apps, schema_editor):
    run(schema_editor, POSTGRESQL_BACK, SQLITE_BACK)


def run(schema_editor, postgresql, sqlite):
    for statement in postgresql if schema_editor.connection.vendor == "postgresql" else sqlite:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("orders", "0002_adjustments")]
    operations = [migrations.RunPython(forwards, backwards)]
