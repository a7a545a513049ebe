import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
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
            name='Reader',
            fields=[
                ('name', models.CharField(max_length=40, primary_key=True, serialize=False)),
                ('position', models.BigIntegerField()),
                ('at', models.DateTimeField()),
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
