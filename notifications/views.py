"""The pages about being told: what it was, what is wanted, and how to end it from a letter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, override
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from museo.access.callers import caller_from_request
from museo.access.problems import Problem
from museo.access.rest import as_problem, place
from notifications import addresses, inbox, preferring, receipts, unsubscribing
from notifications.preference_api import Wishes
from notifications.preferences import Window

ROWS = 30
WINDOWS = {
    Window.OFF: gettext_noop("At once"),
    Window.QUARTER: gettext_noop("Every quarter of an hour"),
    Window.HOUR: gettext_noop("Every hour"),
    Window.DAY: gettext_noop("Once a day"),
}
# of the world; other names of time zones are older ones of the same places
AREAS = (
    *("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic"),
    *("Australia", "Europe", "Indian", "Pacific", "UTC"),
)
# what the fields of the night begin with
NIGHT = {"starts_at": "22:00", "ends_at": "07:00", "urgent_too": False}


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def inbox_page(request: HttpRequest) -> HttpResponse:
    """Newest first; POST with a `position` says that all up to it was read."""
    caller = caller_from_request(request)
    try:
        if request.method == "POST":
            until = place(request.POST.get("position", "")) or 0
            receipts.acknowledge(caller, until, now=timezone.now())
            return redirect("inbox")
        before = place(request.GET.get("cursor", ""))
    except Problem as problem:
        messages.error(request, problem.detail)
        return redirect("inbox")
    page = inbox.read(caller, before=before, limit=ROWS)
    told = [{**each, "text": _text(each["data"])} for each in page.told(caller.locale)]
    return render(
        request,
        "notifications/inbox.html",
        {"section": "inbox", "page": page, "told": told, "is_first": before is None},
    )


def _text(data: Mapping[str, Any]) -> str:
    return str(data.get("status_message") or data.get("message") or "")


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def preference_page(request: HttpRequest) -> HttpResponse:
    """A table of switches, quiet hours, digest; what is wrong is said, and what was typed stays."""
    caller = caller_from_request(request)
    shown = preferring.show(caller)
    if request.method == "GET":
        return _preferences(request, shown)
    wanted = _typed(request.POST, shown)
    try:
        body = Wishes(data=wanted)
        body.is_valid(raise_exception=True)
        preferring.save(caller, body.validated_data, now=timezone.now())
    except Exception as error:
        problem = as_problem(error)
        if problem is None:
            raise
        errors = [each["detail"] for each in problem.errors] or [problem.detail]
        return _preferences(request, {**shown, **wanted}, errors=errors, status=problem.status)
    messages.success(request, _("Saved."))
    return redirect("preferences")


def show_preferences(request: HttpRequest, *, status: int) -> HttpResponse:
    """The page for a form of it that was refused."""
    return _preferences(request, preferring.show(caller_from_request(request)), status=status)


def _typed(typed: QueryDict, shown: Mapping[str, Any]) -> dict[str, Any]:
    """The form as `PUT /preferences` has it. What it has no switch for stays as it is."""
    is_on = set(typed.getlist("on"))
    configured = {channel["code"] for channel in shown["available"] if channel["configured"]}
    return {
        "channels": {
            category: {
                channel: f"{category}:{channel}" in is_on if channel in configured else before
                for channel, before in switches.items()
            }
            for category, switches in shown["channels"].items()
        },
        "quiet_hours": {
            "starts_at": typed.get("starts_at", ""),
            "ends_at": typed.get("ends_at", ""),
            "urgent_too": "urgent_too" in typed,
        }
        if "quiet" in typed
        else None,
        "digest": {
            "window": typed.get("window", ""),
            "at": typed.get("at") or shown["digest"]["at"],
        },
        "only_arrival": "only_arrival" in typed,
        "fallback": {
            "after_minutes": typed.get("after_minutes", ""),
            "channels": [channel for channel in typed.getlist("ladder") if channel],
        }
        if "fallback" in typed
        else None,
        "time_zone": typed.get("time_zone", ""),
    }


def _preferences(
    request: HttpRequest,
    shown: dict[str, Any],
    *,
    errors: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    return render(
        request,
        "notifications/preferences.html",
        {
            "section": "inbox",
            "wanted": shown,
            "errors": errors,
            "channels": [channel for channel in shown["available"] if channel["configured"]],
            "rows": list(_rows(shown)),
            "quiet": shown["quiet_hours"] or NIGHT,
            "fallback": shown["fallback"] or {"after_minutes": 10},
            "ladder": list(_ladder(shown)),
            "windows": [
                {"code": window, "label": _(label), "is_on": window == shown["digest"]["window"]}
                for window, label in WINDOWS.items()
            ],
            "zones": sorted(zone for zone in preferring.zones() if _is_place(zone)),
            "typed": request.POST,
            "addresses": addresses.show(caller_from_request(request)),
            "address_channels": addresses.choices(),
        },
        status=status,
    )


def _ladder(shown: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A choice of channels for each rung."""
    channels = [channel for channel in shown["available"] if channel["configured"]]
    chosen = (shown["fallback"] or {}).get("channels", [])
    for number, _channel in enumerate(channels):
        here = chosen[number] if number < len(chosen) else ""
        yield {
            "number": number + 1,
            "choices": [{**channel, "is_on": channel["code"] == here} for channel in channels],
        }


def _rows(shown: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A row of switches for each category."""
    for category in shown["categories"]:
        code = category["code"]
        yield {
            **category,
            "switches": [
                {
                    "label": channel["label"],
                    "value": f"{code}:{channel['code']}",
                    "is_on": shown["channels"][code][channel["code"]],
                }
                for channel in shown["available"]
                if channel["configured"]
            ],
        }


def _is_place(zone: str) -> bool:
    return zone.partition("/")[0] in AREAS


# mailboxes post here for their people (RFC 8058): that the address is signed is all the proof
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, signed: str) -> HttpResponse:
    """GET shows a button, POST ends it at once."""
    subscription = unsubscribing.find(signed)
    if request.method == "POST":
        unsubscribing.end(subscription)
    with override(subscription.locale):
        told = {"has_ended": unsubscribing.has_ended(subscription)}
        return render(request, "notifications/stop.html", told)
