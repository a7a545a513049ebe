"""What was chosen with a dish: of a basket's lines, and as an order has bought it."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0008_modifiers'),
        ('orders', '0004_terms_are_stamped'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='basketline',
            name='one_line_per_variant',
        ),
        migrations.AddField(
            model_name='basketline',
            name='modifiers',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='basketline',
            name='modifiers_hash',
            field=models.CharField(blank=True, default='', max_length=64),
        ),
        migrations.AddField(
            model_name='orderline',
            name='modifiers',
            field=models.JSONField(default=list),
        ),
        migrations.AddConstraint(
            model_name='basketline',
            constraint=models.UniqueConstraint(fields=('basket', 'variant', 'modifiers_hash'), name='one_line_per_variant_and_modifiers'),
        ),
    ]
