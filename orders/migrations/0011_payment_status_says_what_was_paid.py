"""What an order's payment status says is what came in and went back."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0010_what_was_paid")]
    operations = [
        migrations.AlterField(
            model_name="refund", name="ask_at", field=models.DateTimeField()
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('paid', 0), ('paid_back', 0), ('payment_status__in', ['unpaid', 'pending', 'failed'])), models.Q(('paid', models.F('total')), ('paid_back', 0), ('payment_status', 'paid')), models.Q(('paid', models.F('total')), ('paid_back__gt', 0), ('paid_back__lt', models.F('paid')), ('payment_status', 'partially_refunded')), models.Q(('paid', models.F('total')), ('paid_back', models.F('paid')), ('payment_status', 'refunded')), _connector='OR'), name='payment_status_says_what_was_paid'),
        ),
    ]
