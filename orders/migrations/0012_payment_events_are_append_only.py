"""A trigger that lets nobody change what a provider has told."""

from django.db import migrations

REFUSAL = "payment events are append-only"
POSTGRESQL = [
    f"""
    CREATE FUNCTION orders_paymentevent_is_append_only() RETURNS trigger AS $$
    BEGIN
        RAISE EXCEPTION '{REFUSAL}';
    END
    $$ LANGUAGE plpgsql
    """,
    "CREATE TRIGGER orders_paymentevent_append_only BEFORE UPDATE ON orders_paymentevent"
    " FOR EACH ROW EXECUTE FUNCTION orders_paymentevent_is_append_only()",
]
SQLITE = [
    "CREATE TRIGGER orders_paymentevent_append_only BEFORE UPDATE ON orders_paymentevent"
    f" BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
]
POSTGRESQL_BACK = [
    "DROP TRIGGER orders_paymentevent_append_only ON orders_paymentevent",
    "DROP FUNCTION orders_paymentevent_is_append_only()",
]
SQLITE_BACK = ["DROP TRIGGER orders_paymentevent_append_only"]


def forwards(apps, schema_editor):
    run(schema_editor, POSTGRESQL, SQLITE)


def backwards(apps, schema_editor):
    run(schema_editor, POSTGRESQL_BACK, SQLITE_BACK)


def run(schema_editor, postgresql, sqlite):
    for statement in postgresql if schema_editor.connection.vendor == "postgresql" else sqlite:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("orders", "0011_payment_status_says_what_was_paid")]
    operations = [migrations.RunPython(forwards, backwards)]
