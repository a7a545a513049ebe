"""Staff's page of a product's prices in time: what holds, what will, and one to be added."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSplitDateTimeWidget

from catalog import drafts, masters
from catalog.forms import MomentField, MoneyField, price_of, say
from catalog.models import Master, Price, Variant
from catalog.money import Money
from museo.access.callers import Caller, caller_from_request
from museo.access.problems import Problem

TITLE = gettext_lazy("Prices for a time")


def _moment(label: Any, *, required: bool = True) -> MomentField:
    widget = UnfoldAdminSplitDateTimeWidget()
    # the browser's own calendar and clock
    widget.widgets[0].input_type, widget.widgets[1].input_type = "date", "time"
    return MomentField(label=capfirst(label), required=required, widget=widget)


class PricePlanForm(forms.Form):
    """A price that begins at a time, in the shop's currency; what held before comes back after."""

    variant = forms.ModelChoiceField(
        Variant.objects.none(),
        label=capfirst(gettext_lazy("variant")),
        empty_label=None,
        widget=UnfoldAdminSelectWidget(),
    )
    price = MoneyField(label=capfirst(gettext_lazy("price")))
    list_price = MoneyField(label=capfirst(gettext_lazy("price before")), required=False)
    valid_from = _moment(gettext_lazy("valid from"))
    valid_to = _moment(gettext_lazy("valid to"), required=False)

    def __init__(self, data: Any, *, master: Master, now: datetime) -> None:
        super().__init__(data)
        self.master, self.now = master, now
        choice: Any = self.fields["variant"]
        choice.queryset = master.variants.order_by("position", "pk")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        ends = cleaned.get("valid_to")
        if ends and ends <= self.now:
            self.add_error("valid_to", _("That is over already. Choose a time to come."))
        if not self.errors:
            say(self, drafts.price_faults("", self._price()), {})
        return cleaned

    def _price(self) -> dict[str, Any]:
        times = {name: self.cleaned_data[name] for name in ("valid_from", "valid_to")}
        return {**price_of(self.cleaned_data), **times}

    def save(self, caller: Caller) -> None:
        row = {"id": self.cleaned_data["variant"].public_id, "prices": [self._price()]}
        fields = {"variants": [row]}
        masters.update(caller, self.master.public_id, fields, revision=None, now=self.now)


def view(model_admin: Any, request: HttpRequest, master: Master) -> HttpResponse:
    """The page; what is written is in its table then."""
    now = timezone.now()
    form = PricePlanForm(request.POST or None, master=master, now=now)
    if request.method == "POST" and form.is_valid():
        try:
            form.save(caller_from_request(request))
        except Problem as problem:
            form.add_error(None, problem.detail)
        else:
            messages.success(request, _("Saved."))
            return redirect(request.path)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": TITLE,
        "subtitle": str(master),
        "opts": model_admin.opts,
        "form": form,
        "prices": _from_now_on(master, now),
        "back": reverse("admin:catalog_master_change", args=[master.pk]),
    }
    return TemplateResponse(request, "catalog/price_plans.html", context)


def _from_now_on(master: Master, now: datetime) -> list[dict[str, Any]]:
    """What holds and what will, of all currencies; those that have ended are the history."""
    rows = Price.objects.filter(variant__master=master).exclude(valid_to__lte=now)
    ordered = rows.select_related("variant").order_by("variant__position", "variant", "valid_from")
    return [
        {
            "sku": price.variant.sku,
            "price": Money(price.amount, price.currency).as_dict(),
            "before": _before(price),
            "begins": price.valid_from if price.valid_from > now else None,
            "ends": price.valid_to,
        }
        for price in ordered
    ]


def _before(price: Price) -> dict[str, Any] | None:
    return None if price.list_amount is None else Money(price.list_amount, price.currency).as_dict()
