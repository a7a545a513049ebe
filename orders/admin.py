"""Orders for staff: to be read, moved on, held, paid back and answered for."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display

from catalog.templatetags.money import money
from museo.access.callers import Caller, caller_from_request
from museo.access.lists import ModelAdmin
from museo.access.problems import Problem
from notifications.delivery_admin import tell_sent_again
from notifications.log_admin import LogAdmin
from orders import (
    adjustments,
    amendments,
    board,
    delays,
    deliveries,
    lifecycle,
    notes,
    order_tables,
    pricing,
    returns,
    services,
    tracking,
)
from orders import plan_admin as plan_admin
from orders import terms_admin as terms_admin
from orders.delivery import DeliveryOption
from orders.details import in_one_line
from orders.forms import (
    AddressForm,
    CancelForm,
    FailureForm,
    NoteForm,
    OrderForm,
    RefundForm,
    ReturnForm,
    TimeForm,
)
from orders.models import Order, Payment, Return
from orders.payments import settlement
from orders.payments.admin import PaymentAdmin

# what unfold calls a button
BUTTON = "orders_order_{}"
# does what a form says, and tells what was done
Act = Callable[[Caller, Order, OrderForm], str]


admin.site.register(Payment, PaymentAdmin)


class AttentionFilter(admin.SimpleListFilter):
    """What somebody should look after now."""

    title = gettext_lazy("needs attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("late", _("Late")),
            ("held", _("On hold")),
            ("waiting", _("Waits for its next step")),
            ("refund", _("Needs a refund")),
            ("return", _("Return asked for")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        chosen: dict[str | None, Callable[[], Any]] = {
            "late": queryset.late,
            "held": lambda: queryset.filter(held_at__isnull=False),
            "waiting": lambda: queryset.filter(waits=True, next_step_at__isnull=False),
            "refund": queryset.needs_refund,
            "return": lambda: queryset.filter(
                pk__in=Return.objects.to_look_after().values("order")
            ),
        }
        return chosen.get(self.value(), lambda: queryset)()


@admin.register(Order)
class OrderAdmin(LogAdmin, ModelAdmin):
    """To be read; buttons and pages do what services allow."""

    list_display = [
        *("number", "shown_status", "placed", "shown_total", "payment", "shown_late", "next_step")
    ]
    list_filter = [AttentionFilter, "status", "payment_status", "delivery", "placed_at"]
    search_fields = ["number__iexact", "email__iexact", "name"]
    ordering = ["-pk"]
    show_full_result_count = False
    actions = ["advance_selected", "cancel_selected", "revoke_links"]
    actions_submit_line = [
        *("advance", "hold", "resume", "try_again", "mark_paid", "new_link", "tell_again")
    ]
    actions_detail = [
        *("refund", "cancel", "write_note", "new_time"),
        {
            "title": gettext_lazy("More"),
            "items": ["amend", "not_delivered", "answer_return"],
        },
    ]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    *("number", "where", "next_step", "shown_total", "shown_late"),
                    *("promised", "expected", "held"),
                ]
            },
        ),
        (
            gettext_lazy("Who and where"),
            {"fields": ["name", "email", "shown_address", "note", "shown_delivery"]},
        ),
        (gettext_lazy("Lines"), {"fields": ["shown_lines", "shown_totals"]}),
        (gettext_lazy("Payment"), {"fields": ["payment", "shown_payments"]}),
        (gettext_lazy("Steps"), {"fields": ["shown_steps"]}),
        (gettext_lazy("Given back"), {"fields": ["adjustments"]}),
        (gettext_lazy("Returns"), {"fields": ["shown_returns"]}),
        (gettext_lazy("Notes"), {"fields": ["shown_notes"]}),
        (gettext_lazy("What happened"), {"fields": ["timeline", "shown_told"]}),
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
        allowed = super().get_actions_submit_line(request, obj.pk)
        for button in allowed:
            if button.action_name in request.POST:
                button.method(request, obj)

    def response_change(self, request: HttpRequest, obj: Order) -> HttpResponse:
        """Stay with the order: its timeline shows what the button did."""
        return redirect(request.path)

    # one button each

    def get_actions_submit_line(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """Those that can do something now.

        The next step's names it and brings it back: a page grown old moves nothing.
        """
        order = self.get_object(request, str(object_id))
        if order is None:
            return []
        buttons: list[UnfoldAction] = super().get_actions_submit_line(request, object_id)
        useful = _useful(order)
        shown = [button for button in buttons if button.path in useful]
        return [_naming(button, _following(order)) for button in shown]

    @action(description=gettext_lazy("Take the next step"), permissions=["change"])
    def advance(self, request: HttpRequest, obj: Order) -> None:
        following = request.POST[BUTTON.format("advance")]
        services.advance(_caller(request), obj.number, to=following, now=timezone.now())
        messages.success(request, _("%(number)s is now: %(step)s.") % _said(obj, following))

    @action(description=gettext_lazy("Hold"), permissions=["change"])
    def hold(self, request: HttpRequest, obj: Order) -> None:
        delays.hold(_caller(request), obj.number, now=timezone.now())
        messages.success(request, _("%(number)s is on hold.") % {"number": obj.number})

    @action(description=gettext_lazy("Let it go on"), permissions=["change"])
    def resume(self, request: HttpRequest, obj: Order) -> None:
        delays.resume(_caller(request), obj.number, now=timezone.now())
        messages.success(request, _("%(number)s goes on.") % {"number": obj.number})

    @action(description=gettext_lazy("Try again"), permissions=["change"])
    def try_again(self, request: HttpRequest, obj: Order) -> None:
        speed = settings.MUSEO_CLOCK_SPEED
        deliveries.try_again(_caller(request), obj.number, now=timezone.now(), speed=speed)
        messages.success(request, _("%(number)s begins anew.") % {"number": obj.number})

    @action(description=gettext_lazy("Make a new link"), permissions=["change"])
    def new_link(self, request: HttpRequest, obj: Order) -> None:
        """For a customer who has lost theirs: shown once, to be sent on."""
        ticket = tracking.new_ticket(_caller(request), obj.number, now=timezone.now())
        said = _("This link opens the order, send it to the customer: %(link)s")
        messages.success(request, said % {"link": tracking.ticket_url(ticket)})

    @action(description=gettext_lazy("Received: mark as paid"), permissions=["change"])
    def mark_paid(self, request: HttpRequest, obj: Order) -> None:
        settlement.mark_paid(_caller(request), obj.number, now=timezone.now())
        said = {"number": obj.number, "step": _("Paid")}
        messages.success(request, _("%(number)s is now: %(step)s.") % said)

    @action(description=gettext_lazy("Send the last message again"), permissions=["again"])
    def tell_again(self, request: HttpRequest, obj: Order) -> None:
        """For a customer who has not got it, or lost it."""
        tell_sent_again(request, order_tables.last_words(obj))

    def has_again_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whoever looks after subscriptions."""
        return bool(request.user.has_perm("notifications.change_subscription"))

    # one page each

    @action(description=RefundForm.title, permissions=["change"])
    def refund(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def pay_back(caller: Caller, order: Order, form: OrderForm) -> str:
            answer = adjustments.refund_once(
                caller,
                order.number,
                key=form.cleaned_data["key"],
                body=form.cleaned_data,
                now=timezone.now(),
                **form.wanted(),
            )
            amount = money(answer.body["amount"])
            goes_back, is_waived = _("%(amount)s goes back."), _("%(amount)s less is to be paid.")
            said = goes_back if answer.body["refund"] else is_waived
            return said % {"amount": amount}

        return self._page(request, object_id, RefundForm, pay_back)

    @action(description=AddressForm.title, permissions=["change"])
    def amend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._page(request, object_id, AddressForm, _serve(amendments.amend))

    @action(description=NoteForm.title, permissions=["change"])
    def write_note(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._page(request, object_id, NoteForm, _serve(notes.add))

    @action(description=TimeForm.title, permissions=["change"])
    def new_time(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._page(request, object_id, TimeForm, _serve(delays.revise))

    @action(description=FailureForm.title, permissions=["change"])
    def not_delivered(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._page(request, object_id, FailureForm, _serve(deliveries.fail))

    @action(description=ReturnForm.title, permissions=["change"])
    def answer_return(self, request: HttpRequest, object_id: str) -> HttpResponse:
        form = ReturnForm(request.POST or None, order=self._order(request, object_id))
        if not form.waits:
            messages.info(request, _("Nobody waits for an answer to a return of this order."))
            return redirect("admin:orders_order_change", form.order.pk)
        return self._shown(request, form, _serve(returns.decide))

    @action(description=gettext_lazy("Cancel the order"), permissions=["change"])
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._page(request, object_id, CancelForm, _serve(adjustments.cancel))

    def _page(
        self,
        request: HttpRequest,
        object_id: str,
        shape: type[OrderForm],
        act: Act,
    ) -> HttpResponse:
        form = shape(request.POST or None, order=self._order(request, object_id))
        return self._shown(request, form, act)

    def _order(self, request: HttpRequest, object_id: str) -> Order:
        order: Order | None = self.get_object(request, object_id)
        if order is None:
            raise Http404
        return order

    def _shown(
        self,
        request: HttpRequest,
        form: OrderForm,
        act: Act,
    ) -> HttpResponse:
        """A form, and what it does; a refusal is shown in it."""
        order = form.order
        back = reverse("admin:orders_order_change", args=[order.pk])
        if request.method == "POST" and form.is_valid():
            try:
                said = act(_caller(request), order, form)
            except Problem as problem:
                form.add_error(None, problem.detail)
            else:
                messages.success(request, said)
                self.log_change(request, order, str(form.title))
                return redirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": form.title,
            "subtitle": order.number,
            "opts": self.model._meta,
            "original": order,
            "form": form,
            "back": back,
        }
        return TemplateResponse(request, "orders/admin/act.html", context)

    # several at once

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
        said = ngettext("%(count)s order moved on.", "%(count)s orders moved on.", moved)
        messages.success(request, said % {"count": moved})

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
        said = ngettext("%(count)s order cancelled.", "%(count)s orders cancelled.", ended)
        messages.success(request, said % {"count": ended})

    @admin.action(description=gettext_lazy("Close the links of guests"), permissions=["change"])
    def revoke_links(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        """Whoever has the link, and nothing else, sees these orders no longer."""
        caller, now = _caller(request), timezone.now()
        numbers = orders.order_by("pk").values_list("number", flat=True)
        closed = sum(tracking.revoke_tickets(caller, number, now=now) for number in numbers)
        said = ngettext("%(count)s link closed.", "%(count)s links closed.", closed)
        messages.success(request, said % {"count": closed})

    # what is shown

    @display(
        description=gettext_lazy("status"),
        label={
            **dict.fromkeys(board.UNDER_WAY, "info"),
            lifecycle.REFUNDED: "warning",
            lifecycle.DELIVERED: "success",
            lifecycle.CANCELLED: "danger",
            lifecycle.FAILED: "danger",
        },
    )
    def shown_status(self, order: Order) -> tuple[str, str]:
        return order.status, _(lifecycle.text_key(order.status, "label"))

    @display(description=gettext_lazy("placed"), ordering="placed_at")
    def placed(self, order: Order) -> str:
        return order_tables.when(order.placed_at)

    @display(description=gettext_lazy("total"), ordering="total")
    def shown_total(self, order: Order) -> str:
        return money(pricing.money(order.total, order.currency))

    @display(description=gettext_lazy("status"))
    def where(self, order: Order) -> str:
        return _(lifecycle.text_key(order.status, "label"))

    @display(description=gettext_lazy("late"))
    def shown_late(self, order: Order) -> str:
        return _("late") if order.is_late else "-"

    @display(description=gettext_lazy("promised"))
    def promised(self, order: Order) -> str:
        return order_tables.when(order.promised_at)

    @display(description=gettext_lazy("expected"))
    def expected(self, order: Order) -> str:
        return order_tables.when(order.eta)

    @display(description=gettext_lazy("on hold since"))
    def held(self, order: Order) -> str:
        return order_tables.when(order.held_at) or "-"

    @display(description=gettext_lazy("next step"), ordering="next_step_at")
    def next_step(self, order: Order) -> str:
        return order_tables.when(order.next_step_at)

    @display(description=gettext_lazy("address"))
    def shown_address(self, order: Order) -> str:
        return in_one_line(order.address)

    @display(description=gettext_lazy("Delivery"))
    def shown_delivery(self, order: Order) -> str:
        option = DeliveryOption.objects.filter(code=order.delivery).first()
        return option.label if option else order.delivery

    @display(description=gettext_lazy("Lines"))
    def shown_lines(self, order: Order) -> SafeString:
        rows = [
            (
                line.quantity,
                line.sku,
                line.whole_name,
                money(pricing.money(line.total, order.currency)),
            )
            for line in order.lines.order_by("position")
        ]
        return order_tables.table([_("Quantity"), _("SKU"), _("Name"), _("Total")], rows)

    @display(description=gettext_lazy("Total"))
    def shown_totals(self, order: Order) -> SafeString:
        return order_tables.totals(order)

    @display(description=gettext_lazy("payment"), ordering="payment_status")
    def payment(self, order: Order) -> str:
        return order.get_payment_status_display()

    @display(description=gettext_lazy("payments"))
    def shown_payments(self, order: Order) -> SafeString:
        return order_tables.paid_by(order)

    @display(description=gettext_lazy("deliveries"))
    def shown_told(self, order: Order) -> SafeString:
        return order_tables.told(order)

    @display(description=gettext_lazy("Steps"))
    def shown_steps(self, order: Order) -> SafeString:
        rows = [
            (
                _(lifecycle.text_key(step.status, "label")),
                order_tables.when(step.due_at),
                order_tables.when(step.at),
            )
            for step in order.steps.order_by("index")
        ]
        return order_tables.table([_("Step"), _("Due"), _("Taken")], rows)

    @display(description=gettext_lazy("Given back"))
    def adjustments(self, order: Order) -> SafeString:
        """What was decided after the order was placed, and whether the money has gone back."""
        rows = [
            (
                order_tables.when(each.at),
                each.get_kind_display(),
                money(pricing.money(each.amount, each.currency)),
                each.refund.get_state_display() if hasattr(each, "refund") else _("none"),
                each.reason,
            )
            for each in order.adjustments.select_related("refund").order_by("pk")
        ]
        titles = [_("Time"), _("Type"), _("Amount"), _("Refund"), _("Reason")]
        return order_tables.table(titles, rows)

    @display(description=gettext_lazy("Returns"))
    def shown_returns(self, order: Order) -> SafeString:
        lines = list(order.lines.all())
        rows = [
            (
                order_tables.when(each.requested_at),
                each.get_state_display(),
                each.in_words(lines),
                each.reason,
                each.answer,
            )
            for each in order.returns.prefetch_related("lines").order_by("pk")
        ]
        titles = [_("Time"), _("State"), _("Lines"), _("Reason"), _("Answer")]
        return order_tables.table(titles, rows)

    @display(description=gettext_lazy("Notes"))
    def shown_notes(self, order: Order) -> SafeString:
        return order_tables.notes(order)

    @display(description=gettext_lazy("What happened"))
    def timeline(self, order: Order) -> SafeString:
        return order_tables.timeline(order)


def _serve(service: Callable[..., object]) -> Act:
    """What a form says, done by a service."""

    def act(caller: Caller, order: Order, form: OrderForm) -> str:
        service(caller, order.number, **form.wanted(), now=timezone.now())
        return _("Saved.")

    return act


def _useful(order: Order) -> set[str]:
    """The buttons that can do something with the order as it stands."""
    useful = {"new_link"}
    if order.payments.filter(state=Payment.State.OWED).exists():
        useful.add("mark_paid")
    if order_tables.deliveries(order).exists():
        useful.add("tell_again")
    if order.status in lifecycle.ENDED:
        return useful | ({"try_again"} if order.status in lifecycle.BY_STAFF_AGAIN else set())
    return useful | ({"resume"} if order.held_at else {"advance", "hold"})


def _naming(button: UnfoldAction, following: str) -> UnfoldAction:
    if button.path != "advance":
        return button
    label = _(lifecycle.text_key(following, "label"))
    return replace(
        button,
        description=f"{button.description}: {label}",
        attrs={**(button.attrs or {}), "value": following},
    )


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
