"""Orders for staff: to be read, and to be moved on."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display

from catalog.templatetags.money import money
from museo.access.callers import Caller, caller_from_request
from museo.access.problems import Problem
from notifications import log
from notifications.admin import LogAdmin
from notifications.envelope import render
from orders import adjustments, lifecycle, pricing, services, tracking
from orders.models import Order

# what unfold calls the button of `advance`
BUTTON = "orders_order_advance"
TABLE = '<table class="w-full text-sm"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>'


@admin.register(Order)
class OrderAdmin(LogAdmin, ModelAdmin):
    """Read-only but for the next step, which the service takes."""

    list_display = ["number", "shown_status", "placed", "shown_total", "shown_late", "next_step"]
    list_filter = ["status", "payment_status", "delivery", "placed_at"]
    search_fields = ["number__iexact", "email__iexact", "name"]
    ordering = ["-pk"]
    show_full_result_count = False
    actions = ["advance_selected", "cancel_selected", "revoke_links"]
    actions_submit_line = ["advance"]
    fieldsets = [
        (None, {"fields": ["number", "where", "next_step", "shown_total", "shown_late"]}),
        (gettext_lazy("Who and where"), {"fields": ["name", "email", "shown_address", "delivery"]}),
        (gettext_lazy("Lines"), {"fields": ["shown_lines"]}),
        (gettext_lazy("Steps"), {"fields": ["shown_steps"]}),
        (gettext_lazy("Given back"), {"fields": ["adjustments"]}),
        (gettext_lazy("What happened"), {"fields": ["timeline"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Order | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Order | None = None) -> list[str]:
        return [str(name) for _title, options in self.fieldsets for name in options["fields"]]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        hidden = ("show_save", "show_save_and_continue", "show_save_and_add_another")
        return super().render_change_form(
            request, {**context, **dict.fromkeys(hidden, False)}, *args, **kwargs
        )

    def save_model(self, request: HttpRequest, obj: Order, form: Any, change: bool) -> None:
        """Nothing of the form is saved: the row may have moved since it was read."""
        if BUTTON in request.POST:
            self.advance(request, obj)

    def response_change(self, request: HttpRequest, obj: Order) -> HttpResponse:
        """Stay with the order: its timeline shows what the button did."""
        return redirect(request.path)

    # moving on

    def get_actions_submit_line(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """The button names the next step and brings it back: a page grown old moves nothing."""
        order = self.get_object(request, str(object_id))
        following = _following(order) if order else ""
        if not following:
            return []
        buttons: list[UnfoldAction] = super().get_actions_submit_line(request, object_id)
        label = _(lifecycle.text_key(following, "label"))
        return [
            replace(
                button,
                description=f"{button.description}: {label}",
                attrs={**(button.attrs or {}), "value": following},
            )
            for button in buttons
        ]

    @action(description=gettext_lazy("Take the next step"), permissions=["change"])
    def advance(self, request: HttpRequest, obj: Order) -> None:
        following = request.POST[BUTTON]
        services.advance(_caller(request), obj.number, to=following, now=timezone.now())
        messages.success(request, _("%(number)s is now: %(step)s.") % _said(obj, following))

    @admin.action(description=gettext_lazy("Take the next step"), permissions=["change"])
    def advance_selected(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        """Each by itself: one that cannot move holds no other up."""
        caller, moved = _caller(request), 0
        for order in orders.order_by("pk"):
            try:
                services.advance(caller, order.number, to=_following(order), now=timezone.now())
                moved += 1
            except Problem as problem:
                messages.error(request, f"{order.number}: {problem.detail}")
        messages.success(request, _("%(count)s orders moved on.") % {"count": moved})

    @admin.action(description=gettext_lazy("Cancel and pay back"), permissions=["change"])
    def cancel_selected(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        """Each by itself: one that went too far holds no other up."""
        caller, ended = _caller(request), 0
        for order in orders.order_by("pk"):
            try:
                adjustments.cancel(caller, order.number, now=timezone.now())
                ended += 1
            except Problem as problem:
                messages.error(request, f"{order.number}: {problem.detail}")
        messages.success(request, _("%(count)s orders cancelled.") % {"count": ended})

    @admin.action(description=gettext_lazy("Close the links of guests"), permissions=["change"])
    def revoke_links(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        """Whoever has the link, and nothing else, sees these orders no longer."""
        caller, now = _caller(request), timezone.now()
        numbers = orders.order_by("pk").values_list("number", flat=True)
        closed = sum(tracking.revoke_tickets(caller, number, now=now) for number in numbers)
        messages.success(request, _("%(count)s links closed.") % {"count": closed})

    # what is shown

    @display(
        description=gettext_lazy("status"),
        label={
            lifecycle.PLACED: "info",
            lifecycle.DELIVERED: "success",
            lifecycle.CANCELLED: "danger",
            lifecycle.FAILED: "danger",
        },
    )
    def shown_status(self, order: Order) -> tuple[str, str]:
        return order.status, _(lifecycle.text_key(order.status, "label"))

    @display(description=gettext_lazy("placed"), ordering="placed_at")
    def placed(self, order: Order) -> str:
        return _when(order.placed_at)

    @display(description=gettext_lazy("total"), ordering="total")
    def shown_total(self, order: Order) -> str:
        return money(pricing.money(order.total, order.currency))

    @display(description=gettext_lazy("status"))
    def where(self, order: Order) -> str:
        return _(lifecycle.text_key(order.status, "label"))

    @display(description=gettext_lazy("late"))
    def shown_late(self, order: Order) -> str:
        return _("late") if order.is_late else "-"

    @display(description=gettext_lazy("next step"), ordering="next_step_at")
    def next_step(self, order: Order) -> str:
        return _when(order.next_step_at)

    @display(description=gettext_lazy("address"))
    def shown_address(self, order: Order) -> str:
        return ", ".join(str(value) for value in order.address.values())

    @display(description=gettext_lazy("Lines"))
    def shown_lines(self, order: Order) -> SafeString:
        rows = [
            (line.quantity, line.sku, line.name, money(pricing.money(line.total, order.currency)))
            for line in order.lines.order_by("position")
        ]
        return _table([_("Quantity"), _("SKU"), _("Name"), _("Total")], rows)

    @display(description=gettext_lazy("Steps"))
    def shown_steps(self, order: Order) -> SafeString:
        rows = [
            (_(lifecycle.text_key(step.status, "label")), _when(step.due_at), _when(step.at))
            for step in order.steps.order_by("index")
        ]
        return _table([_("Step"), _("Due"), _("Taken")], rows)

    @display(description=gettext_lazy("Given back"))
    def adjustments(self, order: Order) -> SafeString:
        """What was decided after the order was placed, and whether the money has gone back."""
        rows = [
            (
                _when(each.at),
                each.get_kind_display(),
                money(pricing.money(each.amount, each.currency)),
                each.refund.get_state_display() if hasattr(each, "refund") else "",
                each.reason,
            )
            for each in order.adjustments.select_related("refund").order_by("pk")
        ]
        titles = [_("Time"), _("Type"), _("Amount"), _("Refund"), _("Reason")]
        return _table(titles, rows)

    @display(description=gettext_lazy("What happened"))
    def timeline(self, order: Order) -> SafeString:
        """The order's events as the log has them, newest first."""
        events = reversed(log.read([order.topic], after=0))
        rows = [(event.version, _when(event.at), event.type, _text(event)) for event in events]
        return _table([_("Version"), _("Time"), _("Type"), _("Text")], rows)


def _caller(request: HttpRequest) -> Caller:
    return caller_from_request(request)


def _following(order: Order) -> str:
    """The status after the one that the order has; empty when it has ended."""
    if order.status in lifecycle.ENDED:
        return ""
    statuses = list(order.steps.order_by("index").values_list("status", flat=True))
    return lifecycle.next_status(order.step, statuses) or ""


def _said(order: Order, status: str) -> dict[str, str]:
    return {"number": order.number, "step": _(lifecycle.text_key(status, "label"))}


def _text(event: Any) -> str:
    return str(render(event, get_language() or "en")["data"].get("status_message", ""))


def _when(moment: datetime | None) -> str:
    return date_format(timezone.localtime(moment), "j M, H:i:s") if moment else ""


def _table(titles: list[str], rows: list[tuple[Any, ...]]) -> SafeString:
    head = format_html_join("", '<th class="text-left p-2">{}</th>', ((t,) for t in titles))
    body = format_html_join("", "<tr>{}</tr>", ((_cells(row),) for row in rows))
    return format_html(TABLE, head, body)


def _cells(row: tuple[Any, ...]) -> SafeString:
    return format_html_join("", '<td class="p-2">{}</td>', ((cell,) for cell in row))
