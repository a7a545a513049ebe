"""The page on which a person lets a client act for them, or does not.

Its address is the client's request, and what is posted is the person's answer and nothing else: the
request is read and checked anew when it comes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from oauth2_provider.exceptions import FatalClientError, OAuthToolkitError
from oauth2_provider.http import OAuth2ResponseRedirect

from museo.access import access_tokens, limits
from museo.access.callers import Caller, caller_from_request
from museo.access.models import User
from museo.access.problems import Problem
from museo.access.scopes import SCOPES
from museo.oauth import clients, resources, server, words
from notifications import access_changes

# a person who is asked more often is not asked by themselves
ASKED_A_MINUTE = 30
# what SHA-256 gives (RFC 7636, section 4.2)
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
PKCE = ("code_challenge", "code_challenge_method")


@dataclass(frozen=True)
class Asked:
    """A request that may be put to the person."""

    client: Any
    redirect_uri: str
    scopes: list[str]
    resource: str
    # as the library has them
    credentials: Mapping[str, Any]


class SentBack(Exception):
    """What the client is told at its own address, which was checked."""

    def __init__(self, error: str, description: str, redirect_uri: str, state: str | None) -> None:
        super().__init__(error)
        told = {"error": error, "error_description": description, "state": state}
        # RFC 9207
        told["iss"] = settings.MUSEO_PUBLIC_URL
        given = {name: value for name, value in told.items() if value}
        sign = "&" if "?" in redirect_uri else "?"
        self.url = f"{redirect_uri}{sign}{urlencode(given)}"


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    """GET asks; POST with `allow` lets the client do what is `granted`, without it nothing."""
    caller = caller_from_request(request)
    try:
        key = f"consent:{caller.who}"
        limits.require_allowance(key, most=ASKED_A_MINUTE, seconds=60, now=timezone.now())
        asked = _read(request, caller)
        if request.method == "GET":
            return _ask(request, caller, asked)
        return _answer(request, caller, asked)
    except SentBack as told:
        return _send(told.url)
    except Problem as problem:
        shown = {"detail": problem.detail}
        return render(request, "oauth/refused.html", shown, status=problem.status)


def _read(request: HttpRequest, caller: Caller) -> Asked:
    """Raise Problem where the client or its address is not to be believed, SentBack else."""
    with server.reading(request) as core:
        try:
            wanted, credentials = core.validate_authorization_request(request)
        except FatalClientError as error:
            raise server.BadRequest(
                _("This app is not known here, or sends you to an address that is not its own.")
            ) from error
        except OAuthToolkitError as error:
            raise _sent_back(error) from error
    redirect_uri, state = credentials["redirect_uri"], credentials["state"]
    is_s256 = credentials.get("code_challenge_method") == "S256"
    if not is_s256 or not CHALLENGE.fullmatch(credentials.get("code_challenge") or ""):
        raise SentBack("invalid_request", "Use PKCE with S256.", redirect_uri, state)
    resource = _resource(request)
    if resource is None:
        raise SentBack("invalid_target", "Ask for one resource of ours.", redirect_uri, state)
    return Asked(
        client=credentials["request"].client,
        redirect_uri=redirect_uri,
        scopes=_theirs(wanted, caller, redirect_uri, state),
        resource=resource,
        credentials=credentials,
    )


def _sent_back(error: OAuthToolkitError) -> SentBack:
    said = error.oauthlib_error
    return SentBack(said.error, said.description or "", said.redirect_uri, said.state)


def _theirs(
    wanted: Collection[str], caller: Caller, redirect_uri: str, state: str | None
) -> list[str]:
    """Of what the client wants, what the person has."""
    theirs = [scope for scope in SCOPES if scope in wanted and scope in caller.scopes]
    if not theirs:
        raise SentBack("invalid_scope", "This person has none of it.", redirect_uri, state)
    return theirs


def _resource(request: HttpRequest) -> str | None:
    """The one that is asked for; who names none means all of `/mcp`."""
    named = request.GET.getlist("resource") or [access_tokens.mcp_resource()]
    resource = named[0].rstrip("/")
    return resource if len(named) == 1 and resources.scopes_of(resource) else None


def _ask(request: HttpRequest, caller: Caller, asked: Asked, *, problem: str = "") -> HttpResponse:
    shown = {
        "client": asked.client.name or clients.host(asked.client, asked.redirect_uri),
        "host": clients.host(asked.client, asked.redirect_uri),
        "scopes": [{"code": scope, "words": words.say(scope, caller)} for scope in asked.scopes],
        "problem": problem,
    }
    page = render(request, "oauth/consent.html", shown, status=400 if problem else 200)
    return _known_to_opener(page)


def _answer(request: HttpRequest, caller: Caller, asked: Asked) -> HttpResponse:
    state = asked.credentials["state"]
    if "allow" not in request.POST:
        raise SentBack("access_denied", "The person said no.", asked.redirect_uri, state)
    ticked = set(request.POST.getlist("granted"))
    granted = [scope for scope in asked.scopes if scope in ticked]
    if not granted:
        return _ask(request, caller, asked, problem=_("Choose at least one, or say no."))
    access_changes.connect(
        # whoever has signed in
        user=cast("User", request.user),
        client=asked.client,
        scopes=granted,
        now=timezone.now(),
    )
    return _send(_with_code(request, asked, granted))


def _with_code(request: HttpRequest, asked: Asked, granted: list[str]) -> str:
    """The client's address with a code that is good once, for a minute."""
    names = ("client_id", "redirect_uri", "response_type", "state", *PKCE)
    credentials = {
        **{name: asked.credentials[name] for name in names},
        "resource": [asked.resource],
    }
    try:
        url, *_more = server.core().create_authorization_response(
            request, granted, credentials, allow=True
        )
    except OAuthToolkitError as error:
        raise _sent_back(error) from error
    return str(url)


def _send(url: str) -> HttpResponse:
    allowed = settings.OAUTH2_PROVIDER["ALLOWED_REDIRECT_URI_SCHEMES"]
    return _known_to_opener(OAuth2ResponseRedirect(url, allowed))


def _known_to_opener(response: HttpResponse) -> HttpResponse:
    """The client may wait in the window that opened this one."""
    response["Cross-Origin-Opener-Policy"] = "unsafe-none"
    return response
