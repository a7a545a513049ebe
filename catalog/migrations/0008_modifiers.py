"""What may be chosen with a dish; writing it makes another edition of the catalogue."""

import django.db.models.deletion
from django.db import migrations, models

from museo.statements import statements

TABLES = ("catalog_modifiergroup", "catalog_modifier")
# as in migration 0007
POSTGRESQL = [
    f"CREATE TRIGGER {table}_is_written AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE"
    f" ON {table} FOR EACH STATEMENT EXECUTE FUNCTION catalog_is_written()"
    for table in TABLES
]
POSTGRESQL_BACK = [f"DROP TRIGGER {table}_is_written ON {table}" for table in TABLES]
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

    dependencies = [
        ('catalog', '0007_editions'),
    ]

    operations = [
        migrations.CreateModel(
            name='ModifierGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(db_index=False, max_length=40)),
                ('name', models.CharField(max_length=60)),
                ('names', models.JSONField(blank=True, default=dict, verbose_name='names by language')),
                ('minimum', models.PositiveSmallIntegerField(default=0, verbose_name='at least')),
                ('maximum', models.PositiveSmallIntegerField(default=1, verbose_name='at most')),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('master', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='modifier_groups', to='catalog.master')),
            ],
            options={
                'verbose_name': 'modifier group',
                'verbose_name_plural': 'modifier groups',
            },
        ),
        migrations.CreateModel(
            name='Modifier',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(db_index=False, max_length=40)),
                ('name', models.CharField(max_length=60)),
                ('names', models.JSONField(blank=True, default=dict, verbose_name='names by language')),
                ('price', models.BigIntegerField(default=0, verbose_name='price in minor units')),
                ('is_active', models.BooleanField(default=True, verbose_name='can be chosen')),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('master', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='modifiers', to='catalog.master')),
                ('group', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='modifiers', to='catalog.modifiergroup')),
            ],
            options={
                'verbose_name': 'modifier',
                'verbose_name_plural': 'modifiers',
            },
        ),
        migrations.AddConstraint(
            model_name='modifiergroup',
            constraint=models.UniqueConstraint(fields=('master', 'code'), name='one_modifier_group_per_master_code'),
        ),
        migrations.AddConstraint(
            model_name='modifiergroup',
            constraint=models.CheckConstraint(condition=models.Q(('minimum__lte', models.F('maximum'))), name='modifier_minimum_not_above_maximum', violation_error_message='More must be chosen than may be. Raise the maximum.'),
        ),
        migrations.AddConstraint(
            model_name='modifiergroup',
            constraint=models.CheckConstraint(condition=models.Q(('maximum__gte', 1)), name='modifier_group_lets_choose', violation_error_message='Let people choose at least one.'),
        ),
        migrations.AddConstraint(
            model_name='modifier',
            constraint=models.UniqueConstraint(fields=('master', 'code'), name='one_modifier_per_master_code'),
        ),
        migrations.AddConstraint(
            model_name='modifier',
            constraint=models.CheckConstraint(condition=models.Q(('price__gte', 0)), name='modifier_price_not_negative'),
        ),
        statements(
            postgresql=POSTGRESQL,
            sqlite=SQLITE,
            postgresql_back=POSTGRESQL_BACK,
            sqlite_back=SQLITE_BACK,
        ),
    ]
