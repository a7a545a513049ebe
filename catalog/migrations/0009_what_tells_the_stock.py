"""A search entry names a variant that mostly tells its stock; `index.catch_up` fills it in."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0008_fewer_indexes")]

    operations = [
        migrations.AddField(
            model_name="searchentry",
            name="one_variant",
            field=models.BigIntegerField(null=True),
        ),
    ]
