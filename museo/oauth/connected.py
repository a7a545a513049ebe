"""The account page of connected apps: what each may do, and how to end it."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from museo.access import connections
from museo.access.callers import caller_from_request
from museo.access.models import User
from museo.access.sent_forms import form_of
from museo.oauth import clients, words
from notifications import access_changes


@never_cache
@login_required
@require_safe
def apps(request: HttpRequest) -> HttpResponse:
    caller = caller_from_request(request)
    shown = [
        {
            "id": each.pk,
            "name": each.client.name,
            "host": clients.host(each.client, *each.client.redirect_uris.split()),
            "words": [words.say(scope, caller) for scope in each.scopes if scope in caller.scopes],
            "since": each.created_at,
            "used_at": each.used_at,
        }
        for each in connections.of_person(_person(request))
    ]
    return render(request, "oauth/apps.html", {"apps": shown, "section": "inbox"})


@form_of("apps")
@login_required
def disconnect(request: HttpRequest, connection_id: int) -> HttpResponse:
    own = _person(request).connections.select_related("user")
    access_changes.disconnect(get_object_or_404(own, pk=connection_id), now=timezone.now())
    messages.success(request, _("Disconnected. It can do nothing for you any more."))
    return redirect("apps")


def _person(request: HttpRequest) -> User:
    """Whoever has signed in."""
    return cast("User", request.user)
