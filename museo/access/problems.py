"""What went wrong and what to do, in the one form that every face shows.

REST answers it as RFC 9457 problem details, MCP as a tool error, a page as a message.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from museo.access.context import correlation_id

logger = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"


class Problem(Exception):
    """A refusal that the caller can do something about; subclasses name it.

    `code` is stable, `detail` is for people and says what to do, `errors` points at the fields:
    `{"pointer": "/quantity", "code": "out_of_range", "detail": "…"}`.
    """

    status = 400
    code = "bad_request"

    def __init__(
        self, detail: str, *, errors: Sequence[Mapping[str, str]] = (), **facts: Any
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = [dict(error) for error in errors]
        self.facts = facts

    def body(self, *, instance: str = "") -> dict[str, Any]:
        """The members of RFC 9457, section 3.1, and Museo's own."""
        return {
            "type": f"urn:museo:problem:{self.code}",
            "title": self.title(),
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "errors": self.errors,
            "correlation_id": correlation_id(),
            **self.facts,
        }

    def title(self) -> str:
        return self.code.replace("_", " ").capitalize()


class NotFound(Problem):
    """Also what the caller may not see."""

    status = 404
    code = "not_found"


class NotSignedIn(Problem):
    status = 401
    code = "authentication_required"


class NotAllowed(Problem):
    status = 403
    code = "not_allowed"


class Invalid(Problem):
    """A field has a value that cannot be used."""

    code = "invalid"


class TooLarge(Problem):
    status = 413
    code = "too_large"


class OtherTrouble(Problem):
    """An HTTP error of the framework, under its own status."""

    def __init__(self, detail: str, *, status: int, code: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


def field_error(pointer: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "detail": detail}


def response(problem: Problem, *, instance: str = "") -> JsonResponse:
    return JsonResponse(
        problem.body(instance=instance),
        status=problem.status,
        content_type=CONTENT_TYPE,
    )


def answer(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """REST framework's exception handler: every error becomes a problem."""
    problem = as_problem(error)
    if problem is None:
        return None
    set_rollback()
    request = context.get("request")
    retry_after = problem.facts.get("retry_after")
    return Response(
        problem.body(instance=request.path if request else ""),
        status=problem.status,
        headers={"Retry-After": str(retry_after)} if retry_after else None,
        content_type=CONTENT_TYPE,
    )


def as_problem(error: Exception) -> Problem | None:
    """None for what nobody foresaw: that is a 500 and logged."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, Http404):
        return NotFound(_("There is nothing here. Check the address."))
    if isinstance(error, PermissionDenied):
        return NotAllowed(str(error) or _("You may not do this."))
    if isinstance(error, exceptions.ValidationError):
        return Invalid(
            _("Some values cannot be used. See errors."),
            errors=list(_field_errors(error.detail)),
        )
    if isinstance(error, exceptions.ParseError):
        return OtherTrouble(
            _("The body is not valid JSON. Send one JSON object."),
            status=400,
            code="parse_error",
        )
    if isinstance(error, exceptions.APIException):
        code = error.get_codes()
        return OtherTrouble(
            str(error.detail),
            status=error.status_code,
            code=code if isinstance(code, str) else "error",
        )
    return None


def _field_errors(detail: Any, pointer: str = "") -> Any:
    """Serializer errors as a flat list with JSON pointers (RFC 6901)."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            at = pointer if name == "non_field_errors" else f"{pointer}/{name}"
            yield from _field_errors(inner, at)
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            yield from _field_errors(inner, f"{pointer}/{index}" if nested else pointer)
    else:
        yield field_error(pointer or "/", getattr(detail, "code", "invalid"), str(detail))


def not_found(request: Any, exception: Exception | None = None) -> HttpResponse:
    """The API's 404 for an address that no route knows."""
    problem = NotFound(_("There is nothing here. Check the address."))
    return response(problem, instance=request.path)
