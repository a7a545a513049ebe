"""Forms of an order's page: who else is told of it, and the link by which others follow it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from museo.access.callers import caller_from_request
from museo.access.problems import NotFound, Problem
from museo.access.sent_forms import form_of
from orders import followers, tracking

LONGEST_ADDRESS, LONGEST_CODE = 320, 20


@form_of("order", "number")
def tell(request: HttpRequest, number: str) -> HttpResponse:
    """Field `channel`; with `off` nothing more is told, `code` confirms, else `address` is told."""
    caller, typed, now = caller_from_request(request), request.POST, timezone.now()
    channel = typed.get("channel", "")
    try:
        order = tracking.find_to_act(caller, number)
        if "off" in typed:
            followers.switch_off(caller, order, channel)
        elif "code" in typed:
            code = typed["code"].strip()[:LONGEST_CODE]
            followers.confirm(caller, order, channel, code, now=now)
            messages.success(request, _("Confirmed."))
        else:
            address = typed.get("address", "").strip()[:LONGEST_ADDRESS]
            if not followers.switch_on(caller, order, channel, address, now=now):
                messages.success(request, _("A code is on its way there. Enter it below."))
    except NotFound:
        raise
    except Problem as problem:
        messages.error(request, problem.detail)
    # what is said of it stands at the top
    place = "said" if len(messages.get_messages(request)) else "notify"
    return redirect(f"{reverse('order', args=[number])}#{place}")


@never_cache
@form_of("order", "number")
def share(request: HttpRequest, number: str) -> HttpResponse:
    """A link that shows this one order, to pass on."""
    caller = caller_from_request(request)
    try:
        ticket = tracking.share(caller, number, now=timezone.now())
    except NotFound:
        raise
    except Problem as problem:
        messages.error(request, problem.detail)
        return redirect("order", number)
    told = {"section": "orders", "number": number, "url": tracking.ticket_url(ticket)}
    return render(request, "orders/share.html", told)
