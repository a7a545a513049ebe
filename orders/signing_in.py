"""Signing in by password: what comes along, and where it leads."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from catalog import shop
from catalog.context import may_set_up
from museo.access import sessions
from museo.access.callers import BASKET_COOKIE, caller_from_request
from museo.access.forms import SignInForm
from orders import baskets

View = Callable[..., HttpResponseBase]


def stays_known(view: View) -> View:
    """A window that an app has opened, so that somebody lets it in, stays known to it."""

    @wraps(view)
    def known(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if request.GET.get("next", "").startswith(reverse("authorize")):
            response["Cross-Origin-Opener-Policy"] = "unsafe-none"
        return response

    return known


@method_decorator(stays_known, "dispatch")
class SignIn(LoginView):
    """What a guest has put into the basket comes along."""

    template_name = "access/login.html"
    authentication_form = SignInForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if sessions.half(request):
            return to_the_code(onward(request))
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        login(self.request, form.get_user())
        return go_on(self.request, onward(self.request))


def in_the_admin(request: HttpRequest) -> HttpResponse:
    """The admin's own page; whoever has said their password goes on with the code.

    Customers come here from any page of staff: they are told, not asked again who they are.
    """
    wanted = onward(request) or reverse("admin:index")
    if sessions.half(request):
        return to_the_code(wanted)
    if request.method == "GET" and request.user.is_authenticated and not request.user.is_staff:
        return render(request, "403.html", {"wanted": wanted}, status=HTTPStatus.FORBIDDEN)
    answer = admin.site.login(request)
    # its form does not bring along where they wanted to go
    is_in = request.method == "POST" and answer.status_code == HTTPStatus.FOUND
    return redirect(wanted) if is_in else answer


def go_on(request: HttpRequest, wanted: str) -> HttpResponse:
    """After a password, a link or a code: the page that was wanted, or the code first."""
    if sessions.half(request):
        return to_the_code(wanted)
    return bring_basket(request, redirect(wanted or landing(request)))


def to_the_code(wanted: str) -> HttpResponse:
    query = f"?{urlencode({'next': wanted})}" if wanted else ""
    return redirect(reverse("second_step") + query)


def come_anew(request: HttpRequest) -> HttpResponse:
    """Whoever is in without a password, to change that: by a link once more."""
    messages.info(
        request,
        _("Sign in by a link once more: for ten minutes you can then change how you sign in."),
    )
    return redirect_to_login(request.get_full_path())


def onward(request: HttpRequest) -> str:
    """The page of this shop to go on with; empty without one."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    return wanted if is_ours else ""


def landing(request: HttpRequest) -> str:
    """Whoever has a shop to set up goes on with that."""
    if may_set_up(request) and not shop.current().is_open:
        return reverse("first_run")
    return resolve_url(settings.LOGIN_REDIRECT_URL)


def bring_basket(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Whoever has just signed in keeps what they had put in before."""
    _opened, capped = baskets.merge(caller_from_request(request), now=timezone.now())
    for message in capped:
        messages.warning(request, message["detail"])
    response.delete_cookie(BASKET_COOKIE)
    return response
