import catalog.imports.models
import catalog.models
import catalog.search.models
import datetime
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import parler.fields
import parler.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CatalogWrite',
            fields=[
                ('writer', models.BigIntegerField(primary_key=True, serialize=False)),
            ],
        ),
        migrations.CreateModel(
            name='Category',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', models.CharField(max_length=255, unique=True)),
                ('depth', models.PositiveIntegerField()),
                ('numchild', models.PositiveIntegerField(default=0)),
                ('slug', models.SlugField(unique=True, verbose_name='slug')),
                ('room', models.CharField(choices=[('clay', 'Clay'), ('print', 'Print'), ('light', 'Light'), ('cafe', 'Café'), ('cloth', 'Cloth')], default='clay', max_length=10, verbose_name='room')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
            ],
            options={
                'verbose_name': 'category',
                'verbose_name_plural': 'categories',
            },
            bases=(parler.models.TranslatableModelMixin, models.Model),
        ),
        migrations.CreateModel(
            name='Master',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=catalog.models.master_id, editable=False, max_length=30, unique=True)),
                ('kind', models.CharField(choices=[('physical', 'Physical'), ('food', 'Food'), ('digital', 'Digital'), ('ticket', 'Ticket')], default='physical', max_length=10, verbose_name='kind')),
                ('tax_class', models.CharField(blank=True, choices=[('standard', 'Standard'), ('food', 'Food'), ('books', 'Books'), ('admission', 'Admission'), ('exempt', 'Exempt')], max_length=20, verbose_name='tax class')),
                ('slug', models.SlugField(db_index=False, max_length=120, verbose_name='slug')),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('active', 'Active'), ('archived', 'Archived')], default='draft', max_length=10, verbose_name='status')),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
                ('brand', models.CharField(blank=True, max_length=80, verbose_name='brand')),
                ('tags', models.JSONField(blank=True, default=list, verbose_name='tags')),
                ('attributes', models.JSONField(blank=True, default=dict, verbose_name='attributes')),
                ('facts', models.JSONField(blank=True, default=dict, verbose_name='attributes by language')),
                ('published_at', models.DateTimeField(blank=True, null=True, verbose_name='published at')),
                ('revision', models.PositiveIntegerField(default=1)),
                ('rating_sum', models.PositiveIntegerField(default=0, editable=False)),
                ('rating_count', models.PositiveIntegerField(default=0, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('primary_category', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='masters', to='catalog.category', verbose_name='category')),
            ],
            options={
                'verbose_name': 'product',
                'verbose_name_plural': 'products',
                'indexes': [models.Index(fields=['status', '-published_at', '-id'], name='master_newest'), models.Index(models.OrderBy(models.Case(models.When(rating_count__gt=0, then=django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.functions.comparison.Cast('rating_sum', models.BigIntegerField()), '*', models.Value(1000)), '/', models.F('rating_count'))), default=0, output_field=models.BigIntegerField()), descending=True), models.OrderBy(models.F('rating_count'), descending=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('deleted_at', None)), name='master_best_rated'), models.Index(models.F('primary_category'), models.OrderBy(models.Case(models.When(rating_count__gt=0, then=django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.functions.comparison.Cast('rating_sum', models.BigIntegerField()), '*', models.Value(1000)), '/', models.F('rating_count'))), default=0, output_field=models.BigIntegerField()), descending=True), models.OrderBy(models.F('rating_count'), descending=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('deleted_at', None)), name='master_best_in_category')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('deleted_at', None)), fields=('slug',), name='one_living_master_per_slug'), models.CheckConstraint(condition=models.Q(('rating_sum__gte', models.F('rating_count')), ('rating_sum__lte', django.db.models.expressions.CombinedExpression(models.F('rating_count'), '*', models.Value(5)))), name='rating_between_one_and_five')],
            },
            bases=(parler.models.TranslatableModelMixin, models.Model),
        ),
        migrations.CreateModel(
            name='SearchWord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('word', models.CharField(max_length=40, unique=True)),
            ],
        ),
        migrations.CreateModel(
            name='ProductOption',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(db_index=False, max_length=40, verbose_name='code')),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('names', models.JSONField(blank=True, default=dict, verbose_name='names by language')),
                ('position', models.PositiveSmallIntegerField(default=0, verbose_name='position')),
                ('master', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='options', to='catalog.master')),
            ],
            options={
                'verbose_name': 'product option',
                'verbose_name_plural': 'product options',
                'constraints': [models.UniqueConstraint(fields=('master', 'code'), name='one_option_per_master_code')],
            },
        ),
        migrations.CreateModel(
            name='OptionValue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(db_index=False, max_length=40, verbose_name='code')),
                ('label', models.CharField(max_length=60, verbose_name='label')),
                ('labels', models.JSONField(blank=True, default=dict, verbose_name='labels by language')),
                ('position', models.PositiveSmallIntegerField(default=0, verbose_name='position')),
                ('option', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='values', to='catalog.productoption')),
            ],
            options={
                'verbose_name': 'option value',
                'verbose_name_plural': 'option values',
                'constraints': [models.UniqueConstraint(fields=('option', 'code'), name='one_value_per_option_code')],
            },
        ),
        migrations.CreateModel(
            name='Variant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=catalog.models.variant_id, editable=False, max_length=30, unique=True)),
                ('sku', models.CharField(max_length=64, unique=True, verbose_name='SKU')),
                ('gtin', models.CharField(blank=True, max_length=14, verbose_name='GTIN')),
                ('position', models.PositiveSmallIntegerField(default=0, verbose_name='position')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('track_stock', models.BooleanField(default=True, verbose_name='stock is counted')),
                ('max_per_order', models.PositiveIntegerField(blank=True, null=True, verbose_name='at most in an order')),
                ('prep_seconds', models.PositiveIntegerField(blank=True, null=True, verbose_name='seconds of preparation')),
                ('option_key', models.CharField(blank=True, editable=False, max_length=120)),
                ('master', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='variants', to='catalog.master')),
                ('option_values', models.ManyToManyField(blank=True, related_name='variants', to='catalog.optionvalue', verbose_name='option values')),
            ],
            options={
                'verbose_name': 'variant',
                'verbose_name_plural': 'variants',
                'constraints': [models.UniqueConstraint(fields=('master', 'option_key'), name='one_variant_per_options')],
            },
        ),
        migrations.CreateModel(
            name='StockItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('location', models.CharField(default='main', max_length=20)),
                ('on_hand', models.IntegerField(default=0)),
                ('reserved', models.PositiveIntegerField(default=0)),
                ('backorder_limit', models.PositiveIntegerField(default=0)),
                ('variant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='stock_items', to='catalog.variant')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('variant', 'location'), name='one_stock_item_per_variant_and_location'), models.CheckConstraint(condition=models.Q(('on_hand__gte', django.db.models.expressions.CombinedExpression(models.Value(0), '-', models.F('backorder_limit')))), name='stock_not_negative'), models.CheckConstraint(condition=models.Q(('reserved__gte', 0)), name='reserved_not_negative'), models.CheckConstraint(condition=models.Q(('reserved__lte', django.db.models.expressions.CombinedExpression(models.F('on_hand'), '+', models.F('backorder_limit')))), name='reserved_not_above_stock')],
            },
        ),
        migrations.CreateModel(
            name='EditionNumber',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False)),
                ('number', models.BigIntegerField()),
                ('last', models.BigIntegerField(default=0)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='there_is_one_edition')],
            },
        ),
        migrations.CreateModel(
            name='Import',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=catalog.imports.models.import_id, editable=False, max_length=30, unique=True)),
                ('file_name', models.CharField(max_length=200, verbose_name='file')),
                ('began_by', models.CharField(blank=True, max_length=80)),
                ('stored_as', models.CharField(max_length=100)),
                ('reading', models.JSONField(default=dict)),
                ('header', models.JSONField(default=list)),
                ('sample', models.JSONField(default=list)),
                ('mapping', models.JSONField(default=list)),
                ('state', models.CharField(choices=[('uploaded', 'uploaded'), ('checking', 'being checked'), ('checked', 'checked'), ('running', 'running'), ('done', 'done'), ('cancelled', 'cancelled'), ('failed', 'failed'), ('undoing', 'being undone'), ('undone', 'undone')], db_index=True, default='uploaded', max_length=10, verbose_name='state')),
                ('has_run', models.BooleanField(default=False)),
                ('failure', models.JSONField(default=dict)),
                ('records_read', models.PositiveIntegerField(default=0)),
                ('is_read', models.BooleanField(default=False)),
                ('total', models.PositiveIntegerField(default=0, verbose_name='rows')),
                ('done', models.PositiveIntegerField(default=0)),
                ('reached', models.CharField(blank=True, max_length=120)),
                ('has_reached', models.BooleanField(default=False)),
                ('created', models.PositiveIntegerField(default=0, verbose_name='new')),
                ('changed', models.PositiveIntegerField(default=0, verbose_name='changed')),
                ('unchanged', models.PositiveIntegerField(default=0, verbose_name='unchanged')),
                ('refused', models.PositiveIntegerField(default=0, verbose_name='refused')),
                ('undone', models.PositiveIntegerField(default=0)),
                ('kept', models.PositiveIntegerField(default=0)),
                ('worker', models.CharField(blank=True, max_length=40)),
                ('lease_until', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(verbose_name='uploaded at')),
                ('finished_at', models.DateTimeField(null=True)),
                ('owner', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'import',
                'verbose_name_plural': 'imports',
            },
        ),
        migrations.CreateModel(
            name='ModifierGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(db_index=False, max_length=40, verbose_name='code')),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('names', models.JSONField(blank=True, default=dict, verbose_name='names by language')),
                ('minimum', models.PositiveSmallIntegerField(default=0, verbose_name='at least')),
                ('maximum', models.PositiveSmallIntegerField(default=1, verbose_name='at most')),
                ('position', models.PositiveSmallIntegerField(default=0, verbose_name='position')),
                ('master', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='modifier_groups', to='catalog.master')),
            ],
            options={
                'verbose_name': 'modifier group',
                'verbose_name_plural': 'modifier groups',
                'constraints': [models.UniqueConstraint(fields=('master', 'code'), name='one_modifier_group_per_master_code'), models.CheckConstraint(condition=models.Q(('minimum__lte', models.F('maximum'))), name='modifier_minimum_not_above_maximum', violation_error_message='More must be chosen than may be. Raise the maximum.'), models.CheckConstraint(condition=models.Q(('maximum__gte', 1)), name='modifier_group_lets_choose', violation_error_message='Let people choose at least one.')],
            },
        ),
        migrations.CreateModel(
            name='Modifier',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(db_index=False, max_length=40, verbose_name='code')),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('names', models.JSONField(blank=True, default=dict, verbose_name='names by language')),
                ('price', models.BigIntegerField(default=0, verbose_name='price in minor units')),
                ('is_active', models.BooleanField(default=True, verbose_name='can be chosen')),
                ('position', models.PositiveSmallIntegerField(default=0, verbose_name='position')),
                ('master', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='modifiers', to='catalog.master')),
                ('group', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='modifiers', to='catalog.modifiergroup')),
            ],
            options={
                'verbose_name': 'modifier',
                'verbose_name_plural': 'modifiers',
                'constraints': [models.UniqueConstraint(fields=('master', 'code'), name='one_modifier_per_master_code'), models.CheckConstraint(condition=models.Q(('price__gte', 0)), name='modifier_price_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='Question',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=catalog.models.question_id, editable=False, max_length=30, unique=True)),
                ('question', models.TextField(verbose_name='question')),
                ('answer', models.TextField(blank=True, verbose_name='answer')),
                ('locale', models.CharField(max_length=10, verbose_name='language')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('published', 'Published'), ('refused', 'Refused')], default='waiting', max_length=10, verbose_name='state')),
                ('asked_at', models.DateTimeField(verbose_name='asked')),
                ('answered_at', models.DateTimeField(blank=True, null=True, verbose_name='answered')),
                ('customer', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Customer')),
                ('master', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='questions', to='catalog.master')),
            ],
            options={
                'verbose_name': 'question',
                'verbose_name_plural': 'questions',
                'indexes': [models.Index(fields=['master', 'state', '-id'], name='question_of_master')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('state', 'published'), _negated=True), models.Q(('answer', ''), _negated=True), _connector='OR'), name='published_question_answered', violation_error_message='Write an answer first: a question is shown together with it.')],
            },
        ),
        migrations.CreateModel(
            name='Review',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=catalog.models.review_id, editable=False, max_length=30, unique=True)),
                ('signed', models.CharField(blank=True, max_length=60, verbose_name='signed')),
                ('rating', models.PositiveSmallIntegerField(verbose_name='rating')),
                ('text', models.TextField(blank=True, verbose_name='text')),
                ('locale', models.CharField(max_length=10, verbose_name='language')),
                ('is_verified', models.BooleanField(default=False, verbose_name='bought here')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('published', 'Published'), ('refused', 'Refused')], default='waiting', max_length=10, verbose_name='state')),
                ('at', models.DateTimeField(verbose_name='written')),
                ('customer', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='reviews', to=settings.AUTH_USER_MODEL, verbose_name='Customer')),
                ('master', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='reviews', to='catalog.master')),
            ],
            options={
                'verbose_name': 'review',
                'verbose_name_plural': 'reviews',
                'indexes': [models.Index(fields=['master', 'state', '-id'], name='review_of_master')],
                'constraints': [models.UniqueConstraint(fields=('master', 'customer'), name='one_review_per_customer_and_master'), models.CheckConstraint(condition=models.Q(('rating__gte', 1), ('rating__lte', 5)), name='review_of_one_to_five_stars')],
            },
        ),
        migrations.CreateModel(
            name='ShopSettings',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('logo', models.FileField(blank=True, upload_to='shop/', verbose_name='logo')),
                ('legal_address', models.TextField(blank=True, max_length=500, verbose_name='legal address')),
                ('country', models.CharField(max_length=2, verbose_name='country')),
                ('currency', models.CharField(max_length=3, verbose_name='currency')),
                ('languages', models.JSONField(default=list, verbose_name='languages')),
                ('default_language', models.CharField(max_length=10, verbose_name='default language')),
                ('time_zone', models.CharField(max_length=40, verbose_name='time zone')),
                ('is_paused', models.BooleanField(default=False, verbose_name='takes no orders for the moment')),
                ('pause_text', models.CharField(blank=True, max_length=300, verbose_name='what shoppers read')),
                ('steps_done', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('opened_at', models.DateTimeField(editable=False, null=True)),
                ('revision', models.PositiveIntegerField(default=1, editable=False)),
            ],
            options={
                'verbose_name': 'shop settings',
                'verbose_name_plural': 'shop settings',
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='there_is_one_shop'), models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='the_shop_has_a_name'), models.CheckConstraint(condition=models.Q(('currency', ''), _negated=True), name='the_shop_has_a_currency')],
            },
        ),
        migrations.CreateModel(
            name='OpeningHours',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('weekday', models.PositiveSmallIntegerField(choices=[(0, 'Monday'), (1, 'Tuesday'), (2, 'Wednesday'), (3, 'Thursday'), (4, 'Friday'), (5, 'Saturday'), (6, 'Sunday')], verbose_name='weekday')),
                ('opens_at', models.TimeField(verbose_name='opens at')),
                ('closes_at', models.TimeField(verbose_name='closes at')),
                ('shop', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='hours', to='catalog.shopsettings')),
            ],
            options={
                'verbose_name': 'opening hours',
                'verbose_name_plural': 'opening hours',
                'constraints': [models.UniqueConstraint(fields=('shop', 'weekday', 'opens_at'), name='one_opening_per_day_and_time'), models.CheckConstraint(condition=models.Q(('weekday__gte', 0), ('weekday__lte', 6)), name='a_week_has_seven_days')],
            },
        ),
        migrations.CreateModel(
            name='StockMovement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('delta', models.IntegerField()),
                ('kind', models.CharField(choices=[('receive', 'Receive'), ('sale', 'Sale'), ('return', 'Return'), ('adjust', 'Adjust')], max_length=10)),
                ('reference', models.CharField(blank=True, max_length=80)),
                ('at', models.DateTimeField()),
                ('stock_item', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='movements', to='catalog.stockitem')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('delta', 0), _negated=True), name='stock_movement_moves_something')],
            },
        ),
        migrations.CreateModel(
            name='StockReservation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('holder', models.CharField(max_length=40)),
                ('quantity', models.PositiveIntegerField()),
                ('state', models.CharField(choices=[('held', 'Held'), ('committed', 'Committed'), ('released', 'Released')], default='held', max_length=10)),
                ('expires_at', models.DateTimeField()),
                ('stock_item', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='reservations', to='catalog.stockitem')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'held')), fields=['expires_at'], name='reservation_deadline'), models.Index(fields=['holder'], name='reservation_holder')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'held')), fields=('stock_item', 'holder'), name='one_held_reservation_per_holder'), models.CheckConstraint(condition=models.Q(('quantity__gte', 1)), name='reservation_of_something')],
            },
        ),
        migrations.CreateModel(
            name='Price',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('currency', models.CharField(default='EUR', max_length=3)),
                ('sales_channel', models.CharField(default='web', max_length=20)),
                ('amount', models.BigIntegerField(verbose_name='price in minor units')),
                ('list_amount', models.BigIntegerField(blank=True, null=True, verbose_name='list price in minor units')),
                ('valid_from', models.DateTimeField(default=datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))),
                ('valid_to', models.DateTimeField(blank=True, null=True)),
                ('variant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='prices', to='catalog.variant')),
            ],
            options={
                'indexes': [models.Index(fields=['valid_from'], name='price_begins'), models.Index(condition=models.Q(('valid_to__isnull', False)), fields=['valid_to'], name='price_ends')],
                'constraints': [models.UniqueConstraint(fields=('variant', 'currency', 'sales_channel', 'valid_from'), name='one_price_per_variant_and_time'), models.CheckConstraint(condition=models.Q(('amount__gte', 0)), name='price_not_negative'), models.CheckConstraint(condition=models.Q(('list_amount', None), ('list_amount__gte', models.F('amount')), _connector='OR'), name='list_price_not_below_price'), models.CheckConstraint(condition=models.Q(('valid_to', None), ('valid_to__gt', models.F('valid_from')), _connector='OR'), name='price_ends_after_its_start')],
            },
        ),
        migrations.CreateModel(
            name='CategoryTranslation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('language_code', models.CharField(db_index=True, max_length=15, verbose_name='Language')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('description', models.TextField(blank=True, verbose_name='description')),
                ('master', parler.fields.TranslationsForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='translations', to='catalog.category')),
            ],
            options={
                'verbose_name': 'category Translation',
                'db_table': 'catalog_category_translation',
                'db_tablespace': '',
                'managed': True,
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('language_code', 'master'), name='catalog_category_translation_uniq_lang')],
                'unique_together': {('language_code', 'master')},
            },
            bases=(parler.models.TranslatedFieldsModelMixin, models.Model),
        ),
        migrations.CreateModel(
            name='ImportRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('sku', models.CharField(blank=True, max_length=64)),
                ('product', models.CharField(max_length=120)),
                ('twin', models.PositiveIntegerField(null=True)),
                ('cells', models.JSONField(default=list)),
                ('outcome', models.CharField(blank=True, choices=[('create', 'new'), ('change', 'changed'), ('unchanged', 'unchanged'), ('refused', 'refused')], max_length=10)),
                ('changes', models.JSONField(default=dict)),
                ('reasons', models.JSONField(default=list)),
                ('was_undone', models.BooleanField(null=True)),
                ('source', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='catalog.import')),
            ],
            options={
                'indexes': [models.Index(fields=['source', 'product', 'number'], name='import_row_product')],
                'constraints': [models.UniqueConstraint(fields=('source', 'number'), name='one_import_row_per_number'), models.CheckConstraint(condition=models.Q(('twin', None), ('twin__lt', models.F('number')), _connector='OR'), name='import_row_twin_comes_before')],
            },
        ),
        migrations.CreateModel(
            name='SearchEntry',
            fields=[
                ('master', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='search_entry', serialize=False, to='catalog.master')),
                ('words', catalog.search.models.Tokens()),
                ('names', models.TextField()),
                ('price', models.BigIntegerField(null=True)),
                ('price_until', models.DateTimeField(null=True)),
                ('published_at', models.DateTimeField(null=True)),
                ('category_path', models.CharField(max_length=255)),
                ('brand', models.CharField(max_length=80)),
                ('kind', models.CharField(max_length=10)),
                ('revision', models.PositiveIntegerField()),
            ],
            options={
                'verbose_name_plural': 'search entries',
                'indexes': [models.Index(fields=['-published_at', '-master'], name='searchentry_newest'), models.Index(fields=['price', 'master'], name='searchentry_price'), models.Index(condition=models.Q(('price_until__isnull', False)), fields=['price_until'], name='searchentry_price_until'), models.Index(condition=models.Q(('brand', ''), _negated=True), fields=['brand'], name='searchentry_brand'), models.Index(fields=['category_path', '-published_at', '-master'], name='searchentry_newest_in_category'), models.Index(fields=['category_path', 'price', 'master'], name='searchentry_price_in_category')],
            },
        ),
        migrations.CreateModel(
            name='MasterTranslation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('language_code', models.CharField(db_index=True, max_length=15, verbose_name='Language')),
                ('name', models.CharField(max_length=160, verbose_name='name')),
                ('subtitle', models.CharField(blank=True, max_length=200, verbose_name='subtitle')),
                ('description', models.TextField(blank=True, verbose_name='description')),
                ('master', parler.fields.TranslationsForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='translations', to='catalog.master')),
            ],
            options={
                'verbose_name': 'product Translation',
                'db_table': 'catalog_master_translation',
                'db_tablespace': '',
                'managed': True,
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('language_code', 'master'), name='catalog_master_translation_uniq_lang')],
            },
            bases=(parler.models.TranslatedFieldsModelMixin, models.Model),
        ),
        migrations.CreateModel(
            name='SearchName',
            fields=[
                ('pk', models.CompositePrimaryKey('master_id', 'language', blank=True, editable=False, primary_key=True, serialize=False)),
                ('master', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='catalog.master')),
                ('language', models.CharField(max_length=10)),
                ('name', catalog.search.models.SortName()),
                ('category_path', models.CharField(max_length=255)),
            ],
            options={
                'indexes': [models.Index(fields=['language', 'name', 'master'], name='searchname_name'), models.Index(fields=['language', 'category_path', 'name', 'master'], name='searchname_name_in_category')],
            },
        ),
        migrations.CreateModel(
            name='Media',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('file', models.FileField(blank=True, upload_to='catalog/', verbose_name='file')),
                ('url', models.CharField(blank=True, max_length=500, validators=[django.core.validators.URLValidator(['https'])], verbose_name='address elsewhere')),
                ('alt', models.CharField(blank=True, max_length=200, verbose_name='alternative text')),
                ('alts', models.JSONField(blank=True, default=dict, verbose_name='texts by language')),
                ('position', models.PositiveSmallIntegerField(default=0, verbose_name='position')),
                ('master', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='media', to='catalog.master')),
            ],
            options={
                'verbose_name': 'picture',
                'verbose_name_plural': 'pictures',
                'constraints': [models.UniqueConstraint(fields=('master', 'position'), name='one_picture_per_master_and_position'), models.CheckConstraint(condition=models.Q(models.Q(('file', ''), ('url__gt', '')), models.Q(('file__gt', ''), ('url', '')), _connector='OR'), name='picture_is_here_or_elsewhere', violation_error_message='Choose a file, or write an address; not both.')],
            },
        ),
        migrations.AddField(
            model_name='master',
            name='default_variant',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='catalog.variant'),
        ),
    ]
