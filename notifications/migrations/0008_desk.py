

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('notifications', '0007_letters_to_people'),
    ]

    operations = [
        migrations.CreateModel(
            name='Tally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('span', models.CharField(choices=[('minute', 'Minute'), ('hour', 'Hour')], max_length=6)),
                ('begins_at', models.DateTimeField()),
                ('type', models.CharField(max_length=60)),
                ('count', models.BigIntegerField()),
            ],
            options={
                'verbose_name': 'statistics',
                'verbose_name_plural': 'statistics',
            },
        ),
        migrations.AlterModelOptions(
            name='delivery',
            options={'verbose_name': 'delivery', 'verbose_name_plural': 'deliveries'},
        ),
        migrations.AlterModelOptions(
            name='inboundmessage',
            options={'verbose_name': 'message from a person', 'verbose_name_plural': 'messages from people'},
        ),
        migrations.AlterModelOptions(
            name='subscription',
            options={'verbose_name': 'subscription', 'verbose_name_plural': 'subscriptions'},
        ),
        migrations.AddField(
            model_name='subscription',
            name='is_once',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='subscription',
            name='until',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name='delivery',
            name='state',
            field=models.CharField(choices=[('pending', 'waiting'), ('gathering', 'being gathered'), ('sent', 'sent'), ('failed', 'failed'), ('superseded', 'replaced'), ('skipped', 'left out')], default='pending', max_length=10),
        ),
        migrations.AlterField(
            model_name='subscription',
            name='state',
            field=models.CharField(choices=[('active', 'active'), ('paused', 'paused'), ('disabled', 'disabled'), ('unconfirmed', 'not confirmed')], default='active', max_length=12),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state', 'failed')), fields=['subscription', 'ended_at'], name='dead_letter'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('ended_at__isnull', False)), fields=['ended_at'], name='delivery_ended'),
        ),
        migrations.AddConstraint(
            model_name='tally',
            constraint=models.UniqueConstraint(fields=('span', 'begins_at', 'type'), name='one_tally_each'),
        ),
        migrations.AddConstraint(
            model_name='tally',
            constraint=models.CheckConstraint(condition=models.Q(('count__gte', 1)), name='tally_from_1'),
        ),
    ]
