"""Every error of REST framework as a problem (RFC 9457)."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from museo.access.problems import (
    CONTENT_TYPE,
    Invalid,
    NotAllowed,
    NotFound,
    OtherTrouble,
    Problem,
    field_error,
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


def _field_errors(detail: Any, pointer: str = "") -> Iterator[dict[str, str]]:
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
