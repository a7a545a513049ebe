"""Where people write to, as the shop says it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0009_what_tells_the_stock")]

    operations = [
        migrations.AddField(
            model_name="shopsettings",
            name="contact_email",
            field=models.EmailField(blank=True, default="", max_length=254, verbose_name="contact e-mail"),
            preserve_default=False,
        ),
    ]
