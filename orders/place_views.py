"""The addresses of an account: add, change, put first, remove one; without a script, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from catalog import shop
from museo.access.models import User
from museo.access.problems import NotFound, Problem, by_field
from orders import countries, places, recipients
from orders.details import ADDRESS_FIELDS, LABELS
from orders.models import Order

FIELDS = ("name", *ADDRESS_FIELDS)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def all_of_them(request: HttpRequest) -> HttpResponse:
    """POST keeps one more."""
    user, typed = cast(User, request.user), request.POST
    problem = None
    if request.method == "POST":
        try:
            places.keep(user, _body(typed))
        except Problem as refusal:
            problem = refusal
        else:
            messages.success(request, _("Saved."))
            return redirect("places")
    kept = places.shown(user)
    lines = {(place["name"], place["line"]) for place in kept}
    went = recipients.of(Order.objects.filter(user=user))
    more = {
        "kept": kept,
        "went": [each for each in went if (each.name, each.line) not in lines],
    }
    return _form(request, typed or {"country": shop.current().country}, problem, **more)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def one(request: HttpRequest, place_id: str) -> HttpResponse:
    """POST changes it; with `first` it is put first, with `remove` it is kept no longer."""
    user, typed = cast(User, request.user), request.POST
    problem = None
    try:
        place = places.find(user, place_id)
        if request.method == "POST":
            _act(user, place_id, typed)
            messages.success(request, _("Saved."))
            return redirect("places")
    except NotFound:
        raise
    except Problem as refusal:
        problem = refusal
    return _form(request, typed or {"name": place.name, **place.address}, problem, place=place)


def _act(user: User, place_id: str, typed: Mapping[str, str]) -> None:
    if "remove" in typed:
        places.remove(user, place_id)
    elif "first" in typed:
        places.put_first(user, place_id, now=timezone.now())
    else:
        places.change(user, place_id, _body(typed))


def _body(typed: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": typed.get("name", ""),
        "address": {name: typed.get(name, "") for name in ADDRESS_FIELDS},
    }


def _form(
    request: HttpRequest, values: Mapping[str, str], problem: Problem | None, **more: Any
) -> HttpResponse:
    chosen = values.get("country", "")
    return render(
        request,
        "access/places.html",
        {
            "section": "account",
            "values": {name: values.get(name, "") for name in FIELDS},
            "countries": countries.choices(get_language() or "en", chosen=chosen),
            "problem": problem,
            "errors": by_field(problem.errors if problem else ()),
            "labels": LABELS,
            **more,
        },
        status=problem.status if problem else 200,
    )
