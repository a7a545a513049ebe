"""Forms of the account page: an address is added, confirmed by its code, removed."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from museo.access.callers import caller_from_request
from museo.access.problems import Problem
from museo.access.sent_forms import form_of
from notifications import addresses, contacts, subscribing
from notifications.models import Subscription
from notifications.views import show_preferences

LONGEST_ADDRESS, LONGEST_CODE = 320, 20


@never_cache
@form_of("preferences")
@login_required
def add(request: HttpRequest) -> HttpResponse:
    """The code goes out at once, if one is needed; what is refused stays in the form."""
    caller = caller_from_request(request)
    channel = request.POST.get("channel", "")
    address = request.POST.get("address", "").strip()[:LONGEST_ADDRESS]
    try:
        added = addresses.add(caller, channel=channel, address=address, now=timezone.now())
    except Problem as problem:
        messages.error(request, problem.detail)
        return show_preferences(request, status=problem.status)
    is_waiting = added.state == Subscription.State.UNCONFIRMED
    told = _("A code is on its way there. Enter it below.") if is_waiting else _("Saved.")
    messages.success(request, told)
    return redirect("preferences")


@form_of("preferences")
@login_required
def confirm(request: HttpRequest, address_id: str) -> HttpResponse:
    caller, code = caller_from_request(request), request.POST.get("code", "").strip()
    try:
        found = addresses.find(caller, address_id)
        contacts.confirm(found, code[:LONGEST_CODE], now=timezone.now())
    except Problem as problem:
        messages.error(request, problem.detail)
    else:
        messages.success(request, _("Confirmed."))
    return redirect("preferences")


@form_of("preferences")
@login_required
def remove(request: HttpRequest, address_id: str) -> HttpResponse:
    try:
        subscribing.remove(addresses.find(caller_from_request(request), address_id))
    except Problem as problem:
        messages.error(request, problem.detail)
    else:
        messages.success(request, _("Removed. Nothing more is sent there."))
    return redirect("preferences")
