"""A step is written once more, when it is taken: there is room for that beside it."""

from django.db import migrations

from museo.statements import Statements


class Migration(migrations.Migration):
    dependencies = [("orders", "0004_terms_are_stamped")]

    operations = [
        Statements(
            postgresql=["ALTER TABLE orders_orderstep SET (fillfactor = 70)"],
            sqlite=[],
            postgresql_back=["ALTER TABLE orders_orderstep RESET (fillfactor)"],
            sqlite_back=[],
        )
    ]
