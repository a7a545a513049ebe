"""Every write to what shoppers read of the catalogue makes another edition of it.

A later migration that makes one of these tables anew on SQLite must make its triggers anew.
"""

from django.db import migrations

from museo.statements import Statements

TABLES = (
    "catalog_category",
    "catalog_category_translation",
    "catalog_master",
    "catalog_master_translation",
    "catalog_media",
    "catalog_modifier",
    "catalog_modifiergroup",
    "catalog_optionvalue",
    "catalog_price",
    "catalog_productoption",
    "catalog_question",
    "catalog_review",
    "catalog_searchentry",
    "catalog_searchword",
    "catalog_stockitem",
    "catalog_variant",
    "catalog_variant_option_values",
)
# one row for each transaction, which nobody else waits for
POSTGRESQL = [
    """
    CREATE FUNCTION catalog_is_written() RETURNS trigger AS $$ BEGIN
        INSERT INTO catalog_catalogwrite (writer)
        VALUES (pg_current_xact_id()::text::bigint) ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$ LANGUAGE plpgsql
    """,
    *(
        f"CREATE TRIGGER {table}_is_written AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE"
        f" ON {table} FOR EACH STATEMENT EXECUTE FUNCTION catalog_is_written()"
        for table in TABLES
    ),
]
POSTGRESQL_BACK = [
    *(f"DROP TRIGGER {table}_is_written ON {table}" for table in TABLES),
    "DROP FUNCTION catalog_is_written()",
]
# a number that was lost begins elsewhere, so that no edition comes twice
RAISE = (
    "UPDATE catalog_editionnumber SET number = number + 1;"
    " INSERT INTO catalog_editionnumber (id, number, last) SELECT 1, ABS(RANDOM()) / 2, 0"
    " WHERE NOT EXISTS (SELECT 1 FROM catalog_editionnumber);"
)
VERBS = ("insert", "update", "delete")
SQLITE = [
    f"CREATE TRIGGER {table}_{verb}_is_written AFTER {verb.upper()} ON {table} BEGIN {RAISE} END"
    for table in TABLES
    for verb in VERBS
]
SQLITE_BACK = [f"DROP TRIGGER {table}_{verb}_is_written" for table in TABLES for verb in VERBS]


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_search_index")]
    operations = [
        Statements(
            postgresql=POSTGRESQL,
            sqlite=SQLITE,
            postgresql_back=POSTGRESQL_BACK,
            sqlite_back=SQLITE_BACK,
        ),
    ]
