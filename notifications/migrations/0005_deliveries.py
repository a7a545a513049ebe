"""Deliveries and their attempts; a subscription has a state, a filter and a shape."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('notifications', '0004_what_comes_back'),
    ]

    operations = [
        migrations.AddField(
            model_name='subscription',
            name='failing_since',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='subscription',
            name='filter',
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name='subscription',
            name='previous_secret',
            field=models.TextField(default=''),
        ),
        migrations.AddField(
            model_name='subscription',
            name='previous_secret_until',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='subscription',
            name='reason',
            field=models.CharField(default='', max_length=20),
        ),
        migrations.AddField(
            model_name='subscription',
            name='rests_until',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='subscription',
            name='shape',
            field=models.CharField(choices=[('envelope', 'Envelope'), ('flat', 'Flat')], default='flat', max_length=10),
        ),
        # those from before are of single orders, and theirs is the shape of the source documents
        migrations.AlterField(
            model_name='subscription',
            name='shape',
            field=models.CharField(choices=[('envelope', 'Envelope'), ('flat', 'Flat')], default='envelope', max_length=10),
        ),
        migrations.AddField(
            model_name='subscription',
            name='state',
            field=models.CharField(choices=[('active', 'Active'), ('paused', 'Paused'), ('disabled', 'Disabled')], default='active', max_length=10),
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.BigIntegerField()),
                ('topic', models.CharField(max_length=100)),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('sent', 'Sent'), ('failed', 'Failed'), ('superseded', 'Superseded'), ('skipped', 'Skipped')], default='pending', max_length=10)),
                ('reason', models.CharField(default='', max_length=20)),
                ('due_at', models.DateTimeField()),
                ('leased_by', models.CharField(default='', max_length=32)),
                ('attempts_made', models.SmallIntegerField(default=0)),
                ('created_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('subscription', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='notifications.subscription')),
            ],
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('duration', models.DurationField()),
                ('status', models.SmallIntegerField(null=True)),
                ('code', models.CharField(default='', max_length=20)),
                ('detail', models.CharField(default='', max_length=80)),
                ('request', models.TextField(default='')),
                ('response', models.TextField(default='')),
                ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='notifications.delivery')),
            ],
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state', 'pending')), fields=['subscription', 'topic', 'position'], name='delivery_in_order'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state', 'pending')), fields=['due_at'], name='delivery_due'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.UniqueConstraint(fields=('subscription', 'position'), name='one_delivery_of_an_event'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('state', 'pending')), models.Q(models.Q(('state', 'pending'), _negated=True), ('ended_at__isnull', False), ('leased_by', '')), _connector='OR'), name='what_has_ended_is_not_tried'),
        ),
    ]
