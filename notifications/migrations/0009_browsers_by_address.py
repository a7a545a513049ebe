from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0008_desk")]

    operations = [
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("channel", "webpush")), fields=["address"], name="browser_at"
            ),
        ),
    ]
