import catalog.search.models
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0007_roles_moderate")]
    operations = [
        migrations.CreateModel(
            name="SearchEntry",
            fields=[
                (
                    "master",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="search_entry",
                        serialize=False,
                        to="catalog.master",
                    ),
                ),
                ("words", catalog.search.models.Tokens()),
                ("names", models.TextField()),
                ("price", models.BigIntegerField(null=True)),
                ("price_until", models.DateTimeField(null=True)),
                ("published_at", models.DateTimeField(null=True)),
                ("category_path", models.CharField(max_length=255)),
                ("brand", models.CharField(max_length=80)),
                ("kind", models.CharField(max_length=10)),
                ("revision", models.PositiveIntegerField()),
            ],
            options={
                "verbose_name_plural": "search entries",
                "indexes": [
                    models.Index(fields=["-published_at", "-master"], name="searchentry_newest"),
                    models.Index(fields=["price", "master"], name="searchentry_price"),
                    models.Index(
                        fields=["price_until"],
                        condition=models.Q(price_until__isnull=False),
                        name="searchentry_price_until",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SearchWord",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("word", models.CharField(max_length=40, unique=True)),
            ],
        ),
    ]
