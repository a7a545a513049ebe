import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0009_browsers_by_address")]

    operations = [
        migrations.CreateModel(
            name="FurtherTopic",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("topic", models.CharField(max_length=100)),
                (
                    "subscription",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="further",
                        to="notifications.subscription",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["topic"], name="further_by_topic")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("subscription", "topic"), name="one_further_topic_each"
                    )
                ],
            },
        ),
    ]
