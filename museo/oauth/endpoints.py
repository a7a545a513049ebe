"""What clients call by themselves: register, get tokens, give them back. Errors are OAuth's."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import orjson
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from museo.access import limits, problems
from museo.access.limits import Limit, TooOften
from museo.access.problems import Problem
from museo.access.tokens import digest
from museo.oauth import clients, server
from museo.oauth.clients import BadClient

# RFC 6749, section 5.1
HEADERS = {"Cache-Control": "no-store", "Pragma": "no-cache"}
# of a network: whoever sets up an assistant registers once
REGISTRATIONS_AN_HOUR = 30
# failures of a network, whichever clients it says that it is
OF_ALL_CLIENTS = 5


# no endpoint looks at the session
@csrf_exempt
@require_POST
def token(request: HttpRequest) -> HttpResponse:
    """Tokens for a code, or the next ones for a refresh token."""
    return _answered(request, "create_token_response")


@csrf_exempt
@require_POST
def revoke(request: HttpRequest) -> HttpResponse:
    """End a token and all that came of the same yes (RFC 7009); an unknown one has ended."""
    return _answered(request, "create_revocation_response")


@csrf_exempt
@require_POST
def register(request: HttpRequest) -> HttpResponse:
    """A new client (RFC 7591); it is forgotten if nobody lets it in within a day."""
    try:
        _count(request, "clients", most=REGISTRATIONS_AN_HOUR, seconds=3600)
        client = clients.register(_metadata(request))
    except Problem as problem:
        return _refused(request, problem)
    return JsonResponse(clients.shown(client), status=201, headers=HEADERS)


def _answered(request: HttpRequest, response: str) -> HttpResponse:
    failures = _buckets_of_failures(request)
    try:
        # an assistant may call for all of its people from one network
        _count(request, "oauth", most=settings.MUSEO_CALLS_PER_MINUTE, seconds=60)
        _take(failures)
        with server.reading(request) as core:
            _uri, headers, body, status = _asked(getattr(core, response), request)
    except Problem as problem:
        return _refused(request, problem)
    if status < HTTPStatus.BAD_REQUEST:
        _give_back(failures)
    return HttpResponse(
        body or "",
        status=status,
        headers={"Content-Type": "application/json", **headers, **HEADERS},
    )


def _asked(answer: Callable[[HttpRequest], Any], request: HttpRequest) -> Any:
    try:
        return answer(request)
    except ObjectDoesNotExist:
        # the code was spent between two looks at it: now it is seen that it was used before
        return answer(request)


def _refused(request: HttpRequest, problem: Problem) -> HttpResponse:
    if isinstance(problem, TooOften):
        return problems.response(problem, instance=request.path)
    told = {"error": problem.code}
    if isinstance(problem, BadClient):
        # in English: RFC 6749 has ASCII here
        told["error_description"] = problem.detail
    return JsonResponse(told, status=problem.status, headers=HEADERS)


def _metadata(request: HttpRequest) -> dict[str, Any]:
    try:
        metadata = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        metadata = None
    if not isinstance(metadata, dict):
        raise BadClient("Send one JSON object.")
    return metadata


def _count(request: HttpRequest, what: str, *, most: int, seconds: int) -> None:
    key = f"{what}:{_network(request)}"
    limits.require_allowance(key, most=most, seconds=seconds, now=timezone.now())


def _buckets_of_failures(request: HttpRequest) -> dict[str, Limit]:
    """Of the client in its network, and of the network; what turns out well costs nothing."""
    network, most = _network(request), settings.MUSEO_SIGN_INS_PER_MINUTE
    client = digest(request.POST.get("client_id", ""))
    return {
        f"oauth-failures:{network}:{client}": Limit(most),
        f"oauth-failures:{network}": Limit(most * OF_ALL_CLIENTS),
    }


def _take(buckets: dict[str, Limit]) -> None:
    for key, limit in buckets.items():
        allowance = limits.take(key, limit, now=timezone.now())
        if not allowance.is_granted:
            raise TooOften(allowance.retry_after)


def _give_back(buckets: dict[str, Limit]) -> None:
    for key, limit in buckets.items():
        limits.give_back(key, limit, now=timezone.now())


def _network(request: HttpRequest) -> str:
    return limits.network(request.META.get("REMOTE_ADDR", ""))
