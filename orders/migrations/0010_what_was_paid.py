"""Orders know what came in for them and what went back."""

from django.db import migrations
from django.db.models import F, OuterRef, Subquery


def forwards(apps, schema_editor):
    order, payment, refund = (
        apps.get_model("orders", name) for name in ("Order", "Payment", "Refund")
    )
    captured = payment.objects.filter(order=OuterRef("pk"), state="captured")
    order.objects.filter(payment_status__in=["paid", "partially_refunded", "refunded"]).update(
        paid=F("total")
    )
    order.objects.filter(payment_status__in=["partially_refunded", "refunded"]).update(
        paid_back=Subquery(captured.values("refunded")[:1])
    )
    refund.objects.update(ask_at=F("requested_at"))


class Migration(migrations.Migration):
    dependencies = [("orders", "0009_payments")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
