"""A row grows threefold by what becomes of it: with half a page free, most went to another one."""

from django.db import migrations

from museo.statements import statements


class Migration(migrations.Migration):
    dependencies = [("catalog", "0005_room_beside_import_rows")]

    operations = [
        statements(
            postgresql=["ALTER TABLE catalog_importrow SET (fillfactor = 25)"],
            sqlite=[],
            postgresql_back=["ALTER TABLE catalog_importrow SET (fillfactor = 50)"],
            sqlite_back=[],
        )
    ]
