"""Indexes that nobody reads: each new product and variant was written into all of them.

Django makes one for LIKE beside that of every unique text, and one of a column that another index
begins with.
"""

from django.db import migrations

from museo.statements import Statements

LIKE = "varchar_pattern_ops"
# name: table and columns
ON_BOTH = {
    "catalog_master_translation_language_code_04ebf09e": "catalog_master_translation (language_code)",
    "catalog_variant_option_values_variant_id_0808d032": "catalog_variant_option_values (variant_id)",
}
ON_POSTGRESQL = {
    "catalog_master_public_id_f64edf0b_like": f"catalog_master (public_id {LIKE})",
    "catalog_master_translation_language_code_04ebf09e_like": (
        f"catalog_master_translation (language_code {LIKE})"
    ),
    "catalog_variant_public_id_427769f9_like": f"catalog_variant (public_id {LIKE})",
    "catalog_variant_sku_92777037_like": f"catalog_variant (sku {LIKE})",
}


def dropped(indexes):
    return [f"DROP INDEX {name}" for name in indexes]


def made(indexes):
    return [f"CREATE INDEX {name} ON {where}" for name, where in indexes.items()]


class Migration(migrations.Migration):
    dependencies = [("catalog", "0006_room_for_every_import_row")]

    operations = [
        Statements(
            postgresql=dropped(ON_BOTH | ON_POSTGRESQL),
            sqlite=dropped(ON_BOTH),
            postgresql_back=made(ON_BOTH | ON_POSTGRESQL),
            sqlite_back=made(ON_BOTH),
        )
    ]
