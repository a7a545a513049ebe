from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0011_addresses_that_refuse")]

    operations = [
        migrations.AddField(
            model_name="subscription",
            name="event",
            field=models.CharField(default="", max_length=60),
        ),
        migrations.AddField(
            model_name="subscription",
            name="wish",
            field=models.CharField(default="", max_length=30),
        ),
        migrations.AddField(
            model_name="subscription",
            name="expires_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="subscription",
            name="shape",
            field=models.CharField(
                choices=[("envelope", "Envelope"), ("flat", "Flat"), ("event", "Event")],
                default="envelope",
                max_length=10,
            ),
        ),
        migrations.RemoveConstraint(
            model_name="subscription", name="one_subscription_per_address"
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.UniqueConstraint(
                fields=("topic", "channel", "address", "who", "wish"),
                name="one_subscription_per_wish",
            ),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("expires_at__isnull", False)),
                fields=["expires_at"],
                name="subscription_expires",
            ),
        ),
    ]
