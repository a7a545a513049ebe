"""The second factor of a sign-in: the page that asks for a code, and the one that turns it on."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from typing import Any

from cryptography.fernet import InvalidToken
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from catalog import shop
from museo.access import encryption, presence, second_factor, sessions
from museo.access.callers import who_is
from museo.access.models import RecoveryCode, SecondFactor, User
from museo.access.problems import Problem
from museo.lazy import Lazy
from notifications import access_changes
from orders.signing_in import bring_basket, come_anew, go_on, landing, onward, stays_known

segno: Any = Lazy("segno")
# in a session: the key that is shown, sealed, until a code of it was typed
OFFERED = "second_factor_offered"
# one who asks for it gets a field for letters
BY_RECOVERY = "recovery"


@never_cache
@stays_known
@require_http_methods(["GET", "POST"])
def second_step(request: HttpRequest) -> HttpResponse:
    """After the password or the link: a code."""
    user = sessions.half(request)
    if user is None:
        return _elsewhere(request)
    factor = second_factor.of(user)
    if factor is None:
        return _to_the_key(request)
    told: dict[str, Any] = {"by_recovery": BY_RECOVERY in request.GET, "person": user}
    if request.method == "POST":
        try:
            _check(request, factor)
        except Problem as problem:
            told["problem"] = problem
        else:
            sessions.complete(request, factor)
            if second_factor.is_recovery_code(request.POST.get("code", "")):
                messages.warning(request, _told(_left(factor)))
            return go_on(request, onward(request))
    return _rendered(request, "access/second_step.html", told)


def _elsewhere(request: HttpRequest) -> HttpResponse:
    """Nobody waits for a code here."""
    if request.user.is_authenticated:
        return redirect(onward(request) or landing(request))
    return redirect_to_login(onward(request))


def _to_the_key(request: HttpRequest) -> HttpResponse:
    """Who has to have one, and has none, begins with that."""
    return redirect_to_login(onward(request), login_url="second_factor")


def _check(request: HttpRequest, factor: SecondFactor) -> None:
    """Raises WrongCode, TooOften."""
    typed, address = request.POST.get("code", ""), request.META.get("REMOTE_ADDR", "")
    second_factor.check(factor, typed, address=address, now=timezone.now())


def _left(factor: SecondFactor) -> int:
    return RecoveryCode.objects.unused().filter(factor=factor).count()


def _told(left: int) -> str:
    told = ngettext(
        "You have %(count)s recovery code left.", "You have %(count)s recovery codes left.", left
    )
    return told % {"count": left}


@never_cache
@stays_known
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Turned on by a code of the key that it shows; off, or its codes made anew, by another one.

    Each by the password, too: whoever finds a window open does not shut its person out.
    """
    user, now = _who(request), timezone.now()
    if user is None:
        return redirect_to_login(request.get_full_path())
    if presence.has_to_come_anew(request, user, now=now):
        return come_anew(request)
    told: dict[str, Any] = {"asks_password": presence.asks_password(request, user, now=now)}
    if request.method == "POST":
        try:
            if told["asks_password"]:
                typed = request.POST.get("password", "")
                presence.check_password(request, user, typed, now=now)
            return _do(request, user)
        except Problem as problem:
            told["problem"] = problem
    factor = second_factor.of(user)
    if factor is None:
        key = _offered(request) or _offer(request)
        told |= {
            "key": second_factor.grouped(key),
            "address": _address(user, key),
            "is_asked_for": second_factor.is_lacking(user),
        }
    else:
        left, by_recovery = _left(factor), BY_RECOVERY in request.GET
        told |= {"factor": factor, "left": left, "told": _told(left), "by_recovery": by_recovery}
    return _rendered(request, "access/second_factor.html", told)


@never_cache
@require_GET
def picture(request: HttpRequest) -> HttpResponse:
    """The key for a camera, black on white whatever the page's colours."""
    user, key = _who(request), _offered(request)
    if user is None or key is None:
        raise Http404
    drawn = BytesIO()
    code = segno.make(_address(user, key), micro=False)
    code.save(drawn, kind="svg", light="white", omitsize=True, svgclass=None, lineclass=None)
    return HttpResponse(drawn.getvalue(), content_type="image/svg+xml")


def _do(request: HttpRequest, user: User) -> HttpResponse:
    """What was asked for; what cannot be meant shows the page again."""
    act, factor = request.POST.get("act", ""), second_factor.of(user)
    if act == "on":
        return _turn_on(request, user)
    if act in CHANGES and factor:
        _check(request, factor)
        return CHANGES[act](request, factor)
    return redirect("second_factor")


def _turn_on(request: HttpRequest, user: User) -> HttpResponse:
    key = _offered(request)
    if key is None:
        return redirect("second_factor")
    was_half = sessions.half(request) is not None
    typed = request.POST.get("code", "")
    codes = access_changes.turn_on_second_factor(user, key, typed, now=timezone.now())
    del request.session[OFFERED]
    sessions.complete(request, SecondFactor.objects.get(user=user))
    messages.success(request, _("The second factor is on."))
    if was_half:
        return bring_basket(request, _codes(request, codes, then=landing(request)))
    return _codes(request, codes, then=reverse("account"))


def _renew_codes(request: HttpRequest, factor: SecondFactor) -> HttpResponse:
    codes = access_changes.renew_recovery_codes(factor, now=timezone.now())
    return _codes(request, codes, then=reverse("account"))


def _turn_off(request: HttpRequest, factor: SecondFactor) -> HttpResponse:
    user = factor.user
    access_changes.turn_off_second_factor(user, who=who_is(user.pk), now=timezone.now())
    messages.success(request, _("The second factor is off."))
    return redirect("second_factor")


# each after a code was shown
CHANGES = {"codes": _renew_codes, "off": _turn_off}


def _codes(request: HttpRequest, codes: list[str], *, then: str) -> HttpResponse:
    told = {"codes": codes, "next": onward(request) or then}
    return _rendered(request, "access/recovery_codes.html", told)


def _who(request: HttpRequest) -> User | None:
    """Who is signed in, or would be but for the factor that they have to have first."""
    if request.user.is_authenticated:
        return request.user
    user = sessions.half(request)
    return user if user and second_factor.is_lacking(user) else None


def _offered(request: HttpRequest) -> str | None:
    sealed = request.session.get(OFFERED, "")
    # an older key may have been left out meanwhile
    with suppress(InvalidToken):
        return encryption.unseal(sealed)
    return None


def _offer(request: HttpRequest) -> str:
    key = second_factor.new_key()
    request.session[OFFERED] = encryption.seal(key)
    return key


def _address(user: User, key: str) -> str:
    return second_factor.address_of(key, name=user.email, shop=shop.current().name)


def _rendered(request: HttpRequest, template: str, told: dict[str, Any]) -> HttpResponse:
    problem = told.get("problem")
    errors = problem.errors if problem else []
    wrong = {error["pointer"].lstrip("/"): error["detail"] for error in errors}
    told = {"section": "account", "next": onward(request), "wrong": wrong, **told}
    return render(request, template, told, status=problem.status if problem else 200)
