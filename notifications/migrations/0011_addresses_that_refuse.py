from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0010_several_topics")]

    operations = [
        migrations.AddField(
            model_name="contact",
            name="refused_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="subscription",
            name="is_automatic",
            field=models.BooleanField(default=False),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("is_automatic", True)),
                fields=["created_at"],
                name="made_by_itself",
            ),
        ),
    ]
