"""A stamp changes whenever taxes, ways of delivery or plans do."""

from django.db import migrations

from museo.statements import Statements

TABLES = (
    "orders_taxrate",
    "orders_deliveryoption",
    "orders_deliveryarea",
    "orders_plan",
    "orders_planstep",
)
MOVES = ("INSERT", "UPDATE", "DELETE")
POSTGRESQL = """
CREATE FUNCTION orders_stamp_terms() RETURNS trigger AS $$ BEGIN
    INSERT INTO orders_termsstamp (id, stamp) VALUES (1, gen_random_uuid()::text)
        ON CONFLICT (id) DO UPDATE SET stamp = EXCLUDED.stamp;
    RETURN NULL;
END $$ LANGUAGE plpgsql
"""
SQLITE = """
CREATE TRIGGER {table}_stamps_terms_{move} AFTER {move} ON {table} BEGIN
    INSERT OR REPLACE INTO orders_termsstamp (id, stamp) VALUES (1, hex(randomblob(16)));
END
"""


class Migration(migrations.Migration):
    dependencies = [("orders", "0003_first_delivery_options")]
    operations = [
        Statements(
            postgresql=[
                POSTGRESQL,
                *(
                    f"CREATE TRIGGER {table}_stamps_terms"
                    f" AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}"
                    " FOR EACH STATEMENT EXECUTE FUNCTION orders_stamp_terms()"
                    for table in TABLES
                ),
                "INSERT INTO orders_termsstamp (id, stamp) VALUES (1, gen_random_uuid()::text)",
            ],
            sqlite=[
                *(
                    SQLITE.format(table=table, move=move)
                    for table in TABLES
                    for move in MOVES
                ),
                "INSERT INTO orders_termsstamp (id, stamp) VALUES (1, hex(randomblob(16)))",
            ],
            postgresql_back=[
                *(f"DROP TRIGGER {table}_stamps_terms ON {table}" for table in TABLES),
                "DROP FUNCTION orders_stamp_terms()",
            ],
            sqlite_back=[
                f"DROP TRIGGER {table}_stamps_terms_{move}" for table in TABLES for move in MOVES
            ],
        ),
    ]
