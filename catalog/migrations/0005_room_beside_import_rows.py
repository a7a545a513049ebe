"""What becomes of a row is written into it later: with room beside it no index has to be touched."""

from django.db import migrations

from museo.statements import statements


class Migration(migrations.Migration):
    dependencies = [("catalog", "0004_editions")]

    operations = [
        statements(
            postgresql=["ALTER TABLE catalog_importrow SET (fillfactor = 50)"],
            sqlite=[],
            postgresql_back=["ALTER TABLE catalog_importrow RESET (fillfactor)"],
            sqlite_back=[],
        )
    ]
