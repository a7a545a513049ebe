import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import orders.models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0004_terms_are_stamped"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Place",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.CharField(default=orders.models.place_id, max_length=30, unique=True)),
                ("name", models.CharField(max_length=120)),
                ("address", models.JSONField()),
                ("chosen_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="places",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
    ]
