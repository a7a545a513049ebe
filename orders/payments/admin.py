"""Payments for staff: to be read, received by hand, and asked about again."""

from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from catalog.templatetags.money import money
from museo.access.callers import caller_from_request
from museo.access.lists import ModelAdmin
from museo.access.problems import Problem
from notifications import log
from notifications.log_admin import LogAdmin
from orders import payments, pricing
from orders.models import Payment, PaymentEvent
from orders.payments import settlement


class PaymentAdmin(LogAdmin, ModelAdmin):
    """Read-only; two actions call the services that webhooks and the clock call."""

    list_display = ["public_id", "shown_order", "by", "shown_state", "shown_amount", "created"]
    list_filter = ["state", "provider", "created_at"]
    search_fields = ["public_id__iexact", "order__number__iexact", "provider_reference__exact"]
    list_select_related = ["order"]
    ordering = ["-pk"]
    show_full_result_count = False
    actions = ["mark_paid", "look_again"]
    fields = [
        "public_id",
        "shown_order",
        "by",
        "provider_reference",
        "shown_state",
        "error_code",
        "shown_amount",
        "shown_refunded",
        "created",
        "webhooks",
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Payment | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Payment | None = None) -> bool:
        """No field is edited here; who may change orders may use the actions."""
        return obj is None and request.user.has_perm("orders.change_order")

    def get_readonly_fields(self, request: HttpRequest, obj: Payment | None = None) -> list[str]:
        return [str(name) for name in self.fields]

    @admin.action(description=gettext_lazy("Received: mark as paid"), permissions=["change"])
    def mark_paid(self, request: HttpRequest, chosen: QuerySet[Payment]) -> None:
        """Each by itself: one that is not owed holds no other up."""
        caller, received = caller_from_request(request), 0
        for payment in chosen.filter(order__isnull=False).select_related("order").order_by("pk"):
            try:
                number = payment.order.number if payment.order else ""
                settlement.mark_paid(caller, number, now=timezone.now())
                received += 1
            except Problem as problem:
                messages.error(request, f"{payment.public_id}: {problem.detail}")
        said = ngettext("%(count)s payment received.", "%(count)s payments received.", received)
        messages.success(request, said % {"count": received})

    @admin.action(description=gettext_lazy("Ask the provider again"), permissions=["change"])
    def look_again(self, request: HttpRequest, chosen: QuerySet[Payment]) -> None:
        """Once this page's own transaction is over: providers are asked outside of any."""
        caller, now = caller_from_request(request), timezone.now()
        for payment in chosen.order_by("pk")[:20]:
            log.current().afterwards(
                partial(
                    settlement.look_again,
                    caller,
                    payment.public_id,
                    now=now,
                    speed=settings.MUSEO_CLOCK_SPEED,
                )
            )
        messages.success(request, _("The providers were asked."))

    # what is shown

    @display(description=gettext_lazy("order"), ordering="order")
    def shown_order(self, payment: Payment) -> str:
        return payment.order.number if payment.order else "-"

    @display(description=gettext_lazy("paid by"), ordering="provider")
    def by(self, payment: Payment) -> str:
        return payments.name_of(payment.provider, payment.method)

    @display(
        description=gettext_lazy("status"),
        label={
            Payment.State.CAPTURED: "success",
            Payment.State.OWED: "warning",
            Payment.State.FAILED: "danger",
            Payment.State.SURPLUS: "danger",
        },
    )
    def shown_state(self, payment: Payment) -> tuple[str, str]:
        return payment.state, payment.get_state_display()

    @display(description=gettext_lazy("Amount"), ordering="amount")
    def shown_amount(self, payment: Payment) -> str:
        return money(pricing.money(payment.amount, payment.currency))

    @display(description=gettext_lazy("Given back"))
    def shown_refunded(self, payment: Payment) -> str:
        return money(pricing.money(payment.refunded, payment.currency))

    @display(description=gettext_lazy("Time"), ordering="created_at")
    def created(self, payment: Payment) -> str:
        return _when(payment.created_at)

    @display(description=gettext_lazy("What the provider told"))
    def webhooks(self, payment: Payment) -> SafeString | str:
        refunds = payment.refunds.values_list("public_id", flat=True)
        told = PaymentEvent.objects.filter(
            provider=payment.provider, reference__in=[payment.public_id, *refunds]
        )
        rows: list[tuple[Any, ...]] = [(_when(row.at), row.type) for row in told.order_by("pk")]
        return format_html_join("", "<p>{} {}</p>", rows) or "-"


def _when(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "j M, H:i:s")
