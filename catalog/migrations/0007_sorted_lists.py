"""What lists are sorted by has indexes; the names are written when the shop is prepared."""

import catalog.search.models
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0006_room_for_every_import_row'),
    ]

    operations = [
        migrations.CreateModel(
            name='SearchName',
            fields=[
                ('pk', models.CompositePrimaryKey('master_id', 'language', blank=True, editable=False, primary_key=True, serialize=False)),
                ('master', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='catalog.master')),
                ('language', models.CharField(max_length=10)),
                ('name', catalog.search.models.SortName()),
                ('category_path', models.CharField(max_length=255)),
            ],
        ),
        migrations.AddIndex(
            model_name='master',
            index=models.Index(models.OrderBy(models.Case(models.When(rating_count__gt=0, then=django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.functions.comparison.Cast('rating_sum', models.BigIntegerField()), '*', models.Value(1000)), '/', models.F('rating_count'))), default=0, output_field=models.BigIntegerField()), descending=True), models.OrderBy(models.F('rating_count'), descending=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('deleted_at', None)), name='master_best_rated'),
        ),
        migrations.AddIndex(
            model_name='master',
            index=models.Index(models.F('primary_category'), models.OrderBy(models.Case(models.When(rating_count__gt=0, then=django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.functions.comparison.Cast('rating_sum', models.BigIntegerField()), '*', models.Value(1000)), '/', models.F('rating_count'))), default=0, output_field=models.BigIntegerField()), descending=True), models.OrderBy(models.F('rating_count'), descending=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('deleted_at', None)), name='master_best_in_category'),
        ),
        migrations.AddIndex(
            model_name='searchentry',
            index=models.Index(condition=models.Q(('brand', ''), _negated=True), fields=['brand'], name='searchentry_brand'),
        ),
        migrations.AddIndex(
            model_name='searchentry',
            index=models.Index(fields=['category_path', '-published_at', '-master'], name='searchentry_newest_in_category'),
        ),
        migrations.AddIndex(
            model_name='searchentry',
            index=models.Index(fields=['category_path', 'price', 'master'], name='searchentry_price_in_category'),
        ),
        migrations.AddIndex(
            model_name='searchname',
            index=models.Index(fields=['language', 'name', 'master'], name='searchname_name'),
        ),
        migrations.AddIndex(
            model_name='searchname',
            index=models.Index(fields=['language', 'category_path', 'name', 'master'], name='searchname_name_in_category'),
        ),
    ]
