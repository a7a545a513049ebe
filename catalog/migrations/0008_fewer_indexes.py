"""Indexes that nobody reads: each new product and variant was written into all of them.

Django makes one for LIKE beside that of every unique text, and one of a column that another index
begins with. Tables stay as they are: made anew on SQLite, they would lose their triggers.
"""

from django.db import migrations, models

from museo.statements import statements

LIKE = "varchar_pattern_ops"
# name: table and columns
ON_BOTH = {
    "catalog_master_slug_a575883a": "catalog_master (slug)",
    "catalog_master_translation_language_code_04ebf09e": "catalog_master_translation (language_code)",
    "catalog_variant_option_values_variant_id_0808d032": "catalog_variant_option_values (variant_id)",
}
ON_POSTGRESQL = {
    "catalog_master_public_id_f64edf0b_like": f"catalog_master (public_id {LIKE})",
    "catalog_master_slug_a575883a_like": f"catalog_master (slug {LIKE})",
    "catalog_master_translation_language_code_04ebf09e_like": (
        f"catalog_master_translation (language_code {LIKE})"
    ),
    "catalog_variant_public_id_427769f9_like": f"catalog_variant (public_id {LIKE})",
    "catalog_variant_sku_92777037_like": f"catalog_variant (sku {LIKE})",
}
# the same as catalog_master_translation_uniq_lang
TWICE = "catalog_master_translati_language_code_master_id_e7f120d6_uniq"
TWICE_ON_SQLITE = "catalog_master_translation_language_code_master_id_e7f120d6_uniq"
TRANSLATIONS = "catalog_master_translation"


def dropped(indexes):
    return [f"DROP INDEX {name}" for name in indexes]


def made(indexes):
    return [f"CREATE INDEX {name} ON {where}" for name, where in indexes.items()]


class Migration(migrations.Migration):
    dependencies = [("catalog", "0007_sorted_lists")]

    operations = [
        migrations.RemoveIndex(model_name="master", name="master_newest_in_category"),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                statements(
                    postgresql=[
                        *dropped(ON_BOTH | ON_POSTGRESQL),
                        f"ALTER TABLE {TRANSLATIONS} DROP CONSTRAINT {TWICE}",
                    ],
                    sqlite=dropped([*ON_BOTH, TWICE_ON_SQLITE]),
                    postgresql_back=[
                        *made(ON_BOTH | ON_POSTGRESQL),
                        f"ALTER TABLE {TRANSLATIONS}"
                        f" ADD CONSTRAINT {TWICE} UNIQUE (language_code, master_id)",
                    ],
                    sqlite_back=[
                        *made(ON_BOTH),
                        f"CREATE UNIQUE INDEX {TWICE_ON_SQLITE}"
                        f" ON {TRANSLATIONS} (language_code, master_id)",
                    ],
                )
            ],
            state_operations=[
                migrations.AlterField(
                    model_name="master",
                    name="slug",
                    field=models.SlugField(db_index=False, max_length=120),
                ),
                migrations.AlterUniqueTogether(name="mastertranslation", unique_together=set()),
            ],
        ),
    ]
