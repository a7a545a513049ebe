import django.db.models.deletion
import notifications.models
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('access', '0002_connections'),
    ]

    operations = [
        migrations.CreateModel(
            name='EventText',
            fields=[
                ('position', models.BigIntegerField(primary_key=True, serialize=False)),
                ('sealed', models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name='Preference',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='preference', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('wishes', models.JSONField(default=dict)),
                ('changed_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Reader',
            fields=[
                ('name', models.CharField(max_length=40, primary_key=True, serialize=False)),
                ('position', models.BigIntegerField()),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Contact',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('who', models.CharField(max_length=80)),
                ('channel', models.CharField(max_length=12)),
                ('address', models.CharField(max_length=1000)),
                ('code_hash', models.CharField(max_length=64)),
                ('code_ends_at', models.DateTimeField()),
                ('tries_left', models.SmallIntegerField()),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('refused_at', models.DateTimeField(null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('who', 'channel', 'address'), name='one_contact_per_address'), models.CheckConstraint(condition=models.Q(('tries_left__gte', 0)), name='tries_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='Subscription',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=notifications.models.subscription_id, max_length=30, unique=True)),
                ('topic', models.CharField(max_length=100)),
                ('types', models.JSONField(default=list, verbose_name='types')),
                ('filter', models.JSONField(default=dict, verbose_name='filter')),
                ('channel', models.CharField(choices=[('webhook', 'Webhook'), ('email', 'Email'), ('sms', 'Sms'), ('whatsapp', 'Whatsapp'), ('instagram', 'Instagram'), ('webpush', 'Webpush')], max_length=12, verbose_name='channel')),
                ('address', models.CharField(max_length=1000)),
                ('shape', models.CharField(choices=[('envelope', 'Envelope'), ('flat', 'Flat'), ('event', 'Event')], default='envelope', max_length=10)),
                ('event', models.CharField(default='', max_length=60)),
                ('wish', models.CharField(default='', max_length=30)),
                ('secret', models.TextField(default='')),
                ('previous_secret', models.TextField(default='')),
                ('previous_secret_until', models.DateTimeField(null=True)),
                ('who', models.CharField(max_length=80)),
                ('locale', models.CharField(max_length=10)),
                ('link', models.TextField(default='')),
                ('after', models.BigIntegerField()),
                ('is_automatic', models.BooleanField(default=False)),
                ('is_once', models.BooleanField(default=False)),
                ('until', models.BigIntegerField(null=True)),
                ('expires_at', models.DateTimeField(null=True)),
                ('state', models.CharField(choices=[('active', 'active'), ('paused', 'paused'), ('disabled', 'disabled'), ('unconfirmed', 'not confirmed')], default='active', max_length=12, verbose_name='state')),
                ('reason', models.CharField(default='', max_length=20, verbose_name='reason')),
                ('failing_since', models.DateTimeField(null=True)),
                ('rests_until', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField()),
                ('connection', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='callbacks', to='access.connection')),
            ],
            options={
                'verbose_name': 'subscription',
                'verbose_name_plural': 'subscriptions',
                'indexes': [models.Index(fields=['who'], name='subscription_of'), models.Index(condition=models.Q(('connection__isnull', False)), fields=['connection'], name='callbacks_of_app'), models.Index(condition=models.Q(('channel', 'webpush')), fields=['address'], name='browser_at'), models.Index(condition=models.Q(('is_automatic', True)), fields=['created_at'], name='made_by_itself'), models.Index(condition=models.Q(('expires_at__isnull', False)), fields=['expires_at'], name='subscription_expires')],
                'constraints': [models.UniqueConstraint(fields=('topic', 'channel', 'address', 'who', 'wish'), name='one_subscription_per_wish')],
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.BigIntegerField(verbose_name='place in the log')),
                ('topic', models.CharField(max_length=100, verbose_name='topic')),
                ('state', models.CharField(choices=[('pending', 'waiting'), ('gathering', 'being gathered'), ('sent', 'sent'), ('failed', 'failed'), ('superseded', 'replaced'), ('skipped', 'left out')], default='pending', max_length=10, verbose_name='state')),
                ('reason', models.CharField(default='', max_length=20, verbose_name='reason')),
                ('due_at', models.DateTimeField()),
                ('leased_by', models.CharField(default='', max_length=32)),
                ('attempts_made', models.SmallIntegerField(default=0)),
                ('reference', models.CharField(db_default='', default='', max_length=255)),
                ('created_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('told_by', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='tells_of', to='notifications.delivery')),
                ('subscription', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='notifications.subscription')),
            ],
            options={
                'verbose_name': 'delivery',
                'verbose_name_plural': 'deliveries',
                'indexes': [models.Index(condition=models.Q(('state', 'pending')), fields=['subscription', 'topic', 'position'], name='delivery_in_order'), models.Index(condition=models.Q(('state', 'pending')), fields=['due_at'], name='delivery_due'), models.Index(condition=models.Q(('state', 'gathering')), fields=['subscription', 'topic', 'position'], name='digest_in_order'), models.Index(condition=models.Q(('state', 'gathering')), fields=['due_at'], name='digest_due'), models.Index(condition=models.Q(('told_by__isnull', False)), fields=['told_by'], name='told_together'), models.Index(condition=models.Q(('reference', ''), _negated=True), fields=['reference'], name='delivery_reported_as'), models.Index(condition=models.Q(('state', 'failed')), fields=['subscription', 'ended_at'], name='dead_letter'), models.Index(condition=models.Q(('ended_at__isnull', False)), fields=['ended_at'], name='delivery_ended')],
                'constraints': [models.UniqueConstraint(fields=('subscription', 'position'), name='one_delivery_of_an_event'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('state', 'pending')), models.Q(('ended_at', None), ('leased_by', ''), ('state', 'gathering')), models.Q(models.Q(('state', 'pending'), _negated=True), models.Q(('state', 'gathering'), _negated=True), ('ended_at__isnull', False), ('leased_by', '')), _connector='OR'), name='what_has_ended_is_not_tried')],
            },
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
        migrations.CreateModel(
            name='Event',
            fields=[
                ('position', models.BigIntegerField(primary_key=True, serialize=False)),
                ('topic', models.CharField(max_length=100)),
                ('version', models.BigIntegerField()),
                ('type', models.CharField(max_length=60)),
                ('uid', models.UUIDField(default=uuid.uuid4)),
                ('at', models.DateTimeField()),
                ('data', models.JSONField(default=dict)),
                ('texts', models.JSONField(default=dict)),
                ('call', models.CharField(db_default='', default='', max_length=64)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('topic', 'version'), name='one_event_per_topic_version')],
            },
        ),
        migrations.CreateModel(
            name='EventTopic',
            fields=[
                ('pk', models.CompositePrimaryKey('topic', 'position', blank=True, editable=False, primary_key=True, serialize=False)),
                ('topic', models.CharField(max_length=100)),
                ('position', models.BigIntegerField()),
            ],
            options={
                'indexes': [models.Index(fields=['position'], name='heard_by_position')],
            },
        ),
        migrations.CreateModel(
            name='InboundMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=notifications.models.inbound_id, max_length=30, unique=True)),
                ('channel', models.CharField(max_length=12, verbose_name='channel')),
                ('provider_id', models.CharField(max_length=255)),
                ('sealed', models.TextField(blank=True)),
                ('sender_hash', models.CharField(max_length=64)),
                ('word', models.CharField(blank=True, max_length=8)),
                ('answers', models.CharField(blank=True, max_length=255)),
                ('received_at', models.DateTimeField()),
            ],
            options={
                'verbose_name': 'message from a person',
                'verbose_name_plural': 'messages from people',
                'indexes': [models.Index(fields=['channel', 'sender_hash', '-received_at'], name='heard_from')],
                'constraints': [models.UniqueConstraint(fields=('channel', 'provider_id'), name='each_message_received_once')],
            },
        ),
        migrations.CreateModel(
            name='LogHead',
            fields=[
                ('id', models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('head', models.BigIntegerField(default=0)),
                ('floor', models.BigIntegerField(default=0)),
                ('epoch', models.CharField(max_length=16)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='one_log_head'), models.CheckConstraint(condition=models.Q(('floor__gte', 0), ('floor__lte', models.F('head'))), name='log_floor_below_head')],
            },
        ),
        migrations.CreateModel(
            name='Receipt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reader', models.CharField(max_length=80, unique=True)),
                ('position', models.BigIntegerField()),
                ('at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('position__gte', 0)), name='receipt_not_negative')],
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
        migrations.CreateModel(
            name='FurtherTopic',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('topic', models.CharField(max_length=100)),
                ('subscription', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='further', to='notifications.subscription')),
            ],
            options={
                'indexes': [models.Index(fields=['topic'], name='further_by_topic')],
                'constraints': [models.UniqueConstraint(fields=('subscription', 'topic'), name='one_further_topic_each')],
            },
        ),
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
                'constraints': [models.UniqueConstraint(fields=('span', 'begins_at', 'type'), name='one_tally_each'), models.CheckConstraint(condition=models.Q(('count__gte', 1)), name='tally_from_1')],
            },
        ),
        migrations.CreateModel(
            name='Topic',
            fields=[
                ('name', models.CharField(max_length=100, primary_key=True, serialize=False)),
                ('version', models.BigIntegerField()),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('version__gte', 1)), name='topic_version_from_1')],
            },
        ),
    ]
