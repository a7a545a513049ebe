"""The pages of somebody's account: signing in by a link, what is theirs, their password."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import SetPasswordForm
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from museo.access import presence, second_factor
from museo.access.callers import caller_from_request
from museo.access.forms import OtherPasswordForm, SignInForm
from museo.access.models import User
from museo.access.problems import Problem
from notifications import sign_in_links
from orders import places, recipients, takeout, tracking
from orders.models import Order
from orders.signing_in import come_anew, go_on, onward

RECENT = 5


@never_cache
@require_http_methods(["GET", "POST"])
def ask_for_link(request: HttpRequest) -> HttpResponse:
    """POST sends a link to `email`; whether there is such an account is not said."""
    typed = request.POST
    told: dict[str, Any] = {"section": "login", "next": onward(request)}
    if request.method == "POST":
        caller, email = caller_from_request(request), typed.get("email", "")
        try:
            sign_in_links.send(caller, email, onward=onward(request), now=timezone.now())
        except Problem as problem:
            told |= {"problem": problem, "email": email, "form": SignInForm()}
            return render(request, "access/login.html", told, status=problem.status)
        return render(request, "access/link_sent.html", {**told, "email": email})
    return redirect("login")


@never_cache
@require_http_methods(["GET", "POST"])
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks, for programs look into mails too; POST signs in.

    Whoever is in already as the person of a link that is over goes on as if it had just opened.
    """
    told = {"section": "login", "next": onward(request)}
    try:
        if request.method == "GET":
            email = sign_in_links.whose(token, now=timezone.now())
            return render(request, "access/open_link.html", {**told, "email": email})
        user = sign_in_links.redeem(token, now=timezone.now())
    except Problem as problem:
        if request.user.is_authenticated and sign_in_links.is_for(token, request.user):
            return redirect(_landing(request))
        return render(
            request, "access/open_link.html", {**told, "problem": problem}, status=problem.status
        )
    login(request, user)
    presence.came_by_link(request, now=timezone.now())
    return go_on(request, _landing(request))


def _landing(request: HttpRequest) -> str:
    return onward(request) or reverse("account")


@never_cache
@login_required
@require_GET
def account(request: HttpRequest) -> HttpResponse:
    """The way to everything that is somebody's own."""
    own = Order.objects.filter(user=cast(User, request.user)).order_by("-pk")
    told = {
        "section": "account",
        "orders": [tracking.brief(order) for order in own[:RECENT]],
        "places": places.shown(cast(User, request.user))[:RECENT],
        "recipients": recipients.of(own),
        "second_factor": second_factor.of(cast(User, request.user)),
    }
    return render(request, "access/account.html", told)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """The first one, or another one: by the old one, or by a link that was just opened."""
    user = cast(User, request.user)
    if presence.has_to_come_anew(request, user, now=timezone.now()):
        return come_anew(request)
    form = _password_form(request, request.POST or None)
    if request.method == "POST" and form.is_valid():
        update_session_auth_hash(request, form.save())
        messages.success(request, _("Saved."))
        return redirect("account")
    status = 400 if form.errors else 200
    return render(
        request, "access/password.html", {"section": "account", "form": form}, status=status
    )


def _password_form(request: HttpRequest, typed: Any = None) -> SetPasswordForm[User]:
    user = cast(User, request.user)
    if presence.asks_password(request, user, now=timezone.now()):
        return OtherPasswordForm(request, user, typed)
    return SetPasswordForm(user, typed)


@never_cache
@login_required
@require_GET
def data(request: HttpRequest) -> HttpResponse:
    """All that the shop knows of somebody, as a file."""
    user = cast(User, request.user)
    told = takeout.of(user, caller_from_request(request), now=timezone.now())
    response = JsonResponse(told, json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = 'attachment; filename="museo.json"'
    return response
