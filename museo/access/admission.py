"""What a call of REST passes before its view: who calls, for what, and how often.

`Allowance` headers go on the answer by the middleware `with_allowance`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from museo.access import access_tokens, limits, scopes
from museo.access.bearers import bearer_token, caller_from_bearer
from museo.access.callers import Caller, who_is
from museo.access.headers import header
from museo.access.limits import Limit
from museo.access.problems import NotAllowed

Answering = Callable[[HttpRequest], HttpResponseBase]

API = "api/v1/"
# a program asks for many people
OF_SERVICE_ACCOUNTS = 5


class MissingScope(NotAllowed):
    """The token was not given for this (RFC 6750, section 3.1)."""

    code = "missing_scope"

    def __init__(self, scope: str) -> None:
        super().__init__(
            _("You need the scope %(scope)s for this.") % {"scope": scope}, scope=scope
        )

    def headers(self) -> dict[str, str]:
        scope = self.facts["scope"]
        told = f'Bearer realm="museo", error="insufficient_scope", scope="{scope}"'
        return {**super().headers(), "WWW-Authenticate": told}


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer`: `request.auth` is then the caller."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Caller] | None:
        token = bearer_token(header(request, "Authorization"))
        if not token:
            return None
        resource = access_tokens.rest_resource()
        return AnonymousUser(), caller_from_bearer(token, resource, now=timezone.now())

    def authenticate_header(self, request: Request) -> str:
        return NotAllowed.challenge


class TakesScope(BasePermission):
    """A token opens what it was given for; everybody else is the services' business."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, Caller):
            return True
        match = request.resolver_match
        route = match.route.removeprefix(API) if match else ""
        scope = scopes.of_route(route, request.method or "")
        if scope is None:
            raise MissingScope(scopes.ADMIN)
        if scope == scopes.FREE or scope in request.auth.scopes:
            return True
        if scope not in scopes.OF_TICKETS or not request.GET.get("ticket"):
            raise MissingScope(scope)
        # an order ticket opens its order for whoever brings it, and nothing else of theirs does
        request.auth = request.auth.by_tickets_alone()
        return True


class CallAllowance(BaseThrottle):
    """So many calls a minute: of a person, a service account, the guests of a network."""

    def allow_request(self, request: Request, view: Any) -> bool:
        key, limit = self.bucket(request)
        allowance = _take(request._request, key, limit)
        if not allowance.is_granted:
            raise limits.TooOften(allowance.retry_after)
        return True

    def bucket(self, request: Request) -> tuple[str, Limit]:
        most = settings.MUSEO_CALLS_PER_MINUTE
        if isinstance(request.auth, Caller):
            return f"calls:{request.auth.who}", Limit(most * OF_SERVICE_ACCOUNTS)
        if request.user.is_authenticated:
            return f"calls:{who_is(request.user.pk)}", Limit(most)
        return f"calls:{_network(request)}", Limit(most)


class SignInAllowance(CallAllowance):
    """Fewer, for calls that try keys."""

    def bucket(self, request: Request) -> tuple[str, Limit]:
        return f"tokens:{_network(request)}", Limit(settings.MUSEO_SIGN_INS_PER_MINUTE)


def admit_guest(request: HttpRequest) -> bool:
    """Take a call out of a network's bucket, which REST framework will not take again."""
    limit = Limit(settings.MUSEO_CALLS_PER_MINUTE)
    return _take(request, f"calls:{_network(request)}", limit).is_granted


def _take(request: HttpRequest, key: str, limit: Limit) -> limits.Allowance:
    """Once for each request; kept for the headers, whatever the answer is."""
    taken: limits.Allowance | None = getattr(request, "allowance", None)
    if taken is None:
        taken = limits.take(key, limit, now=timezone.now())
        request.allowance = taken  # type: ignore[attr-defined]
    return taken


def _network(request: Request | HttpRequest) -> str:
    return limits.network(request.META.get("REMOTE_ADDR", ""))


def with_allowance(get_response: Answering) -> Answering:
    """Middleware that says on the answer how many calls are left."""

    def answering(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        allowance: limits.Allowance | None = getattr(request, "allowance", None)
        if allowance:
            for name, value in allowance.headers().items():
                response[name] = value
        return response

    return answering
