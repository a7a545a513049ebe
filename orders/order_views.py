"""The pages around an order that was placed: its receipt, another address, goods sent back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from museo.access.callers import caller_from_request
from museo.access.problems import NotAllowed, NotFound, Problem
from museo.access.sent_forms import form_of
from orders import amendments, checkout_form, countries, returns, tracking
from orders.models import Order
from orders.views import show_order


@never_cache
@require_GET
def receipt(request: HttpRequest, number: str) -> HttpResponse:
    """What was bought and paid, to be printed; every row that the totals have."""
    order, caller = _order(request, number), caller_from_request(request)
    summary = tracking.summary(order, locale=caller.locale, now=timezone.now())
    rows = [{**part, "label": _label(part)} for part in summary["totals"]]
    return render(
        request,
        "orders/receipt.html",
        {
            "section": "orders",
            "order": order,
            "summary": summary,
            "rows": rows,
            "country": countries.name(order.address.get("country", ""), caller.locale),
        },
    )


def _label(part: dict[str, Any]) -> str:
    labels = {
        "items": _("Goods"),
        "discount": _("Discount"),
        "delivery": _("Delivery"),
        "tip": _("Tip"),
        "tax": _("Of this, tax") if part.get("included") else _("Tax"),
        "total": _("Total"),
    }
    kind = str(part["type"])
    return labels.get(kind, kind.replace("_", " ").capitalize())


@never_cache
@form_of("order", "number")
def order_amend(request: HttpRequest, number: str) -> HttpResponse:
    """Fields of the address, and `note`."""
    typed = request.POST
    address = {name: typed[name] for name in amendments.CHANGEABLE if name in typed}
    return _act(
        request,
        number,
        lambda caller: amendments.amend(
            caller,
            number,
            address=address or None,
            note=typed.get("note", "").replace("\x00", "")[:500],
            now=timezone.now(),
        ),
        form="amend",
        done=_("Saved."),
    )


@never_cache
@form_of("order", "number")
def order_return(request: HttpRequest, number: str) -> HttpResponse:
    """Fields `line-1`, `line-2`, … say how many units of each line go back, `reason` why."""
    typed = request.POST
    units = {
        checkout_form.number(name.removeprefix("line-")): checkout_form.number(str(value))
        for name, value in typed.items()
        if name.startswith("line-")
    }
    return _act(
        request,
        number,
        lambda caller: returns.ask(
            caller,
            number,
            units={position: count for position, count in units.items() if count},
            reason=typed.get("reason", "").replace("\x00", "")[:200],
            now=timezone.now(),
        ),
        form="return",
        done=_("You asked to send something back. We will answer soon."),
    )


def _order(request: HttpRequest, number: str) -> Order:
    try:
        return tracking.find_to_act(caller_from_request(request), number)
    except NotAllowed as problem:
        raise Http404(problem.detail) from problem


def _act(
    request: HttpRequest, number: str, act: Callable[[Any], object], *, form: str, done: str
) -> HttpResponse:
    """Do it, and go back to the order's page, which says that it is done; or why not, at once."""
    try:
        act(caller_from_request(request))
    except NotFound:
        raise
    except Problem as problem:
        return show_order(request, number, refused=problem, form=form)
    messages.success(request, done)
    return redirect("order", number)
