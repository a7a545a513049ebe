"""How an agent's call ended is kept in the trail, which owners read."""

from django.db import migrations, models

from museo.access.roles import OWNER, give, view

# nobody changes a trail: the admin refuses it to everybody
PERMISSIONS = {OWNER: [*view("access", "trail"), "access.change_trail"]}


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0004_deliveries'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='trail',
            options={'verbose_name': 'trace', 'verbose_name_plural': 'trail'},
        ),
        migrations.AddField(
            model_name='trail',
            name='outcome',
            field=models.CharField(blank=True, db_default='', max_length=60, verbose_name='outcome'),
        ),
        migrations.AlterField(
            model_name='trail',
            name='at',
            field=models.DateTimeField(verbose_name='time'),
        ),
        migrations.AlterField(
            model_name='trail',
            name='fields',
            field=models.JSONField(default=list, verbose_name='fields'),
        ),
        migrations.AlterField(
            model_name='trail',
            name='target',
            field=models.CharField(max_length=80, verbose_name='to what'),
        ),
        migrations.AlterField(
            model_name='trail',
            name='what',
            field=models.CharField(max_length=40, verbose_name='what'),
        ),
        migrations.AlterField(
            model_name='trail',
            name='who',
            field=models.CharField(blank=True, max_length=80, verbose_name='who'),
        ),
        migrations.RunPython(give(PERMISSIONS), migrations.RunPython.noop),
    ]
