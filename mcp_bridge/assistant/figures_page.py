"""The page on which staff see how the assistant is doing, over a week."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.admin.views.decorators import staff_member_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from mcp_bridge.assistant import accuracy, figures
from museo.access.callers import caller_from_request
from museo.access.permissions import may

SEES = "notifications.view_subscription"
LATELY = timedelta(days=7)


@never_cache
@staff_member_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    if not may(caller_from_request(request), SEES):
        raise PermissionDenied
    since = timezone.now() - LATELY
    shown = {
        "title": _("How the assistant is doing"),
        "section": "assistant",
        "days": LATELY.days,
        "intents": figures.by_intent(since=since),
        "tools": figures.by_tool(since=since),
        "accuracy": accuracy.kept(),
    }
    return render(request, "assistant/figures.html", shown)
