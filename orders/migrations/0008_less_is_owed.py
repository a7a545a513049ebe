"""Of an order that is owed, less is asked for what came back."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0007_room_beside_steps"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="order",
            name="no_more_given_back_than_paid",
        ),
        migrations.RemoveConstraint(
            model_name="order",
            name="payment_status_says_what_was_paid",
        ),
        migrations.AddField(
            model_name="order",
            name="waived",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("given_back__gte", 0),
                    ("given_back__lte", models.F("total") - models.F("waived")),
                ),
                name="no_more_given_back_than_paid",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(("waived__gte", 0)), name="waived_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("paid", 0),
                        ("paid_back", 0),
                        ("payment_status__in", ["unpaid", "pending", "failed"]),
                    ),
                    models.Q(
                        ("paid", models.F("total") - models.F("waived")),
                        ("paid_back", 0),
                        ("payment_status", "paid"),
                    ),
                    models.Q(
                        ("paid", models.F("total") - models.F("waived")),
                        ("paid_back__gt", 0),
                        ("paid_back__lt", models.F("paid")),
                        ("payment_status", "partially_refunded"),
                    ),
                    models.Q(
                        ("paid", models.F("total") - models.F("waived")),
                        ("paid_back", models.F("paid")),
                        ("payment_status", "refunded"),
                    ),
                    _connector="OR",
                ),
                name="payment_status_says_what_was_paid",
            ),
        ),
    ]
