import notifications.models
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('notifications', '0003_subscriptions'),
    ]

    operations = [
        migrations.CreateModel(
            name='InboundMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=notifications.models.inbound_id, max_length=30, unique=True)),
                ('channel', models.CharField(max_length=12)),
                ('provider_id', models.CharField(max_length=255)),
                ('sealed', models.TextField(blank=True)),
                ('sender_hash', models.CharField(max_length=64)),
                ('word', models.CharField(blank=True, max_length=8)),
                ('answers', models.CharField(blank=True, max_length=255)),
                ('received_at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['channel', 'sender_hash', '-received_at'], name='heard_from')],
                'constraints': [models.UniqueConstraint(fields=('channel', 'provider_id'), name='each_message_received_once')],
            },
        ),
        migrations.CreateModel(
            name='Report',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.CharField(max_length=12)),
                ('reference', models.CharField(max_length=255)),
                ('state', models.CharField(max_length=12)),
                ('code', models.CharField(blank=True, max_length=80)),
                ('at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('channel', 'reference'), name='one_report_of_each_message')],
            },
        ),
    ]
