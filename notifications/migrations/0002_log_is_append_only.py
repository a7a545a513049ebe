"""The log's head, and triggers that let nobody change the past."""

import secrets

from django.db import migrations

from museo.statements import Statements

TABLES = ("notifications_event", "notifications_eventtopic")
REFUSAL = "the log is append-only"

POSTGRESQL = [
    f"""
    CREATE FUNCTION notifications_log_is_append_only() RETURNS trigger AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND OLD.position <= (SELECT floor FROM notifications_loghead) THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION '{REFUSAL}';
    END
    $$ LANGUAGE plpgsql
    """,
    *(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION notifications_log_is_append_only()"
        for table in TABLES
    ),
]
SQLITE = [
    statement
    for table in TABLES
    for statement in (
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}"
        f" BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}"
        " WHEN OLD.position > (SELECT floor FROM notifications_loghead)"
        f" BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
    )
]
POSTGRESQL_BACK = [
    *(f"DROP TRIGGER {table}_append_only ON {table}" for table in TABLES),
    "DROP FUNCTION notifications_log_is_append_only()",
]
SQLITE_BACK = [
    f"DROP TRIGGER {table}_no_{verb}" for table in TABLES for verb in ("update", "delete")
]


def begin(apps, schema_editor):
    apps.get_model("notifications", "LogHead").objects.create(id=1, epoch=secrets.token_hex(4))


def forget(apps, schema_editor):
    apps.get_model("notifications", "LogHead").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial")]
    operations = [
        migrations.RunPython(begin, forget),
        Statements(
            postgresql=POSTGRESQL,
            sqlite=SQLITE,
            postgresql_back=POSTGRESQL_BACK,
            sqlite_back=SQLITE_BACK,
        ),
    ]
