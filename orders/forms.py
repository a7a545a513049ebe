"""What staff fill in to act on an order: each form turns into the arguments of one service."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext, gettext_lazy
from unfold import widgets

from catalog.forms import MomentField, MoneyField, amount_wanted
from orders import acts
from orders.details import ADDRESS_FIELDS, LABELS
from orders.models import MAX_QUANTITY, Order, OrderLine, Return


class OrderForm(forms.Form):
    """About one order; `wanted` is what its service takes."""

    title: Any = ""

    def __init__(self, data: Any, *, order: Order) -> None:
        super().__init__(data)
        self.order = order

    def wanted(self) -> dict[str, Any]:
        return dict(self.cleaned_data)


def _text(label: Any, longest: int, *, required: bool = True) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=longest,
        required=required,
        widget=widgets.UnfoldAdminTextInputWidget(),
    )


def _number(label: Any, most: int) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        min_value=0,
        max_value=most,
        required=False,
        widget=widgets.UnfoldAdminIntegerFieldWidget(),
    )


def _switch(label: Any, *, initial: bool) -> forms.BooleanField:
    return forms.BooleanField(
        label=label, required=False, initial=initial, widget=widgets.UnfoldBooleanWidget()
    )


def _with_left(line: OrderLine) -> str:
    named, left = f"{line.whole_name} ({line.sku})", line.left
    return f"{named}, 0-{left}" if left else named


class RefundForm(OrderForm):
    """Units of lines, or an amount, or with neither all that is left; once for each form."""

    title = gettext_lazy("Pay back")

    amount = MoneyField(
        label=gettext_lazy("Amount"),
        required=False,
        help_text=gettext_lazy("Leave lines and amount empty to pay back all that is left."),
    )
    reason = _text(gettext_lazy("Reason"), 200, required=False)
    puts_back = _switch(gettext_lazy("The goods can be sold again"), initial=False)
    key = forms.CharField(max_length=64, widget=forms.HiddenInput(), initial=lambda: uuid4().hex)

    def __init__(self, data: Any, *, order: Order) -> None:
        super().__init__(data, order=order)
        lines = order.lines.order_by("position")
        # a form grown old brings its lines back, and is refused: without them all would be paid
        self.lines = [line for line in lines if line.left or f"line-{line.position}" in self.data]
        for line in self.lines:
            self.fields[f"line-{line.position}"] = _number(_with_left(line), MAX_QUANTITY)
        self.order_fields([f"line-{line.position}" for line in self.lines])
        if not order.paid:
            self.fields["amount"].help_text = gettext(
                "This order is not paid yet: so much less is asked for."
                " Leave lines and amount empty to ask for nothing more."
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("amount") is not None:
            if self._units(cleaned):
                self.add_error("amount", gettext("Choose either lines or an amount."))
            elif not cleaned["amount"]:
                self.add_error("amount", amount_wanted())
        return cleaned

    def _units(self, cleaned: dict[str, Any]) -> dict[int, int]:
        counted = {line.position: cleaned.get(f"line-{line.position}") for line in self.lines}
        return {position: count for position, count in counted.items() if count}

    def wanted(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        return {
            "units": self._units(cleaned) or None,
            **{name: cleaned[name] for name in ("amount", "reason", "puts_back")},
        }


class NoteForm(OrderForm):
    title = gettext_lazy("Write a note")

    text = forms.CharField(
        label=gettext_lazy("Note"), max_length=1000, widget=widgets.UnfoldAdminTextareaWidget()
    )


class AddressForm(OrderForm):
    title = gettext_lazy("Change the address")

    line1 = _text(LABELS["line1"], ADDRESS_FIELDS["line1"])
    postal_code = _text(LABELS["postal_code"], ADDRESS_FIELDS["postal_code"])
    city = _text(LABELS["city"], ADDRESS_FIELDS["city"])
    note = _text(gettext_lazy("Note of the customer"), 500, required=False)

    def __init__(self, data: Any, *, order: Order) -> None:
        super().__init__(data, order=order)
        self.initial = {**order.address, "note": order.note}
        if not order.address:
            for name in ("line1", "postal_code", "city"):
                del self.fields[name]

    def wanted(self) -> dict[str, Any]:
        address = {name: value for name, value in self.cleaned_data.items() if name != "note"}
        return {"address": address or None, "note": self.cleaned_data["note"]}


class TimeForm(OrderForm):
    title = gettext_lazy("Say a new time")

    eta = MomentField(
        label=gettext_lazy("Expected"), widget=widgets.UnfoldAdminSplitDateTimeWidget()
    )

    def __init__(self, data: Any, *, order: Order) -> None:
        super().__init__(data, order=order)
        self.initial = {"eta": order.eta}


class CancelForm(OrderForm):
    reason = _text(gettext_lazy("Reason"), 200, required=False)

    def __init__(self, data: Any, *, order: Order) -> None:
        super().__init__(data, order=order)
        self.title = acts.cancelling(order)


class FailureForm(OrderForm):
    title = gettext_lazy("Not delivered")

    reason = _text(gettext_lazy("Reason"), 200, required=False)


class ReturnForm(OrderForm):
    title = gettext_lazy("Answer a return")

    return_id = forms.ChoiceField(
        label=gettext_lazy("Return"), widget=widgets.UnfoldAdminSelectWidget()
    )
    state = forms.ChoiceField(
        label=gettext_lazy("Decision"),
        choices=[
            (Return.State.APPROVED, gettext_lazy("Approve it")),
            (Return.State.RECEIVED, gettext_lazy("The goods are here: pay back")),
            (Return.State.REFUSED, gettext_lazy("Refuse it")),
        ],
        widget=widgets.UnfoldAdminSelectWidget(),
    )
    answer = _text(gettext_lazy("Answer to the customer"), 200, required=False)
    puts_back = _switch(gettext_lazy("The goods can be sold again"), initial=True)

    def __init__(self, data: Any, *, order: Order) -> None:
        super().__init__(data, order=order)
        if not order.paid:
            received, less = Return.State.RECEIVED, gettext("The goods are here: ask for less")
            decisions: Any = self.fields["state"]
            decisions.choices = list({**dict(decisions.choices), received: less}.items())
        choice: Any = self.fields["return_id"]
        self.waits = list(order.returns.to_look_after().prefetch_related("lines").order_by("pk"))
        lines = list(order.lines.all()) if self.waits else []
        choice.choices = [
            (each.public_id, f"{each.in_words(lines)}: {each.get_state_display()}")
            for each in self.waits
        ]
