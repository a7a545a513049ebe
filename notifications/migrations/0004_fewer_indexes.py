"""A unique field has a second index on PostgreSQL, for LIKE alone; a constraint has none."""

import notifications.models
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0006_second_factor'),
        ('notifications', '0003_changed_wishes'),
    ]

    operations = [
        migrations.AlterField(
            model_name='subscription',
            name='public_id',
            field=models.CharField(default=notifications.models.subscription_id, max_length=30),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.UniqueConstraint(fields=('public_id',), name='one_subscription_per_id'),
        ),
    ]
