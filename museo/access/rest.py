"""What the REST calls of all apps share: errors as problems (RFC 9457), numbers, pages."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.utils.encoding import escape_uri_path
from django.utils.http import parse_etags
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.views import set_rollback

from museo.access import overload
from museo.access.bodies import worded
from museo.access.headers import header
from museo.access.heads import allowed
from museo.access.idempotency import Answer
from museo.access.problems import (
    CONTENT_TYPE,
    BadCursor,
    Invalid,
    NotAllowed,
    NotFound,
    OtherMethod,
    OtherTrouble,
    Problem,
    field_error,
)
from museo.access.renderers import Response

YES = {"1", "true", "yes", "on"}
NO = {"", "0", "false", "no", "off"}
ANY_TAG = "*"


def answer(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """REST framework's exception handler: every error becomes a problem."""
    problem = _of_http(error, context.get("view")) or as_problem(error)
    if problem is None:
        return None
    set_rollback()
    request = context.get("request")
    return Response(
        problem.body(instance=request.path if request else ""),
        status=problem.status,
        headers=problem.headers(),
        content_type=CONTENT_TYPE,
    )


def _of_http(error: Exception, view: Any) -> Problem | None:
    """What a call cannot be sent or answered as, and what it can."""
    if isinstance(error, exceptions.MethodNotAllowed):
        return OtherMethod(allowed(view.allowed_methods))
    if isinstance(error, exceptions.NotAcceptable):
        said = _("This is answered as %(types)s. Name that in Accept, or leave Accept out.")
        detail = said % {"types": _types(view.renderer_classes)}
    elif isinstance(error, exceptions.UnsupportedMediaType):
        said = _("Send the body as %(types)s, and say so in Content-Type.")
        detail = said % {"types": _types(view.parser_classes)}
    else:
        return None
    return OtherTrouble(detail, status=error.status_code, code=error.default_code)


def _types(forms: Iterable[Any]) -> str:
    return ", ".join(form.media_type for form in forms)


def as_problem(error: Exception) -> Problem | None:
    """None for what nobody foresaw: that is a 500 and logged."""
    if isinstance(error, Problem):
        return error
    if problem := overload.seen_in(error):
        return problem
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
            at = pointer if name == "non_field_errors" else f"{pointer}/{_escaped(name)}"
            yield from _field_errors(inner, at)
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            yield from _field_errors(inner, f"{pointer}/{index}" if nested else pointer)
    else:
        code = getattr(detail, "code", "invalid")
        yield field_error(pointer, code, worded(str(detail), code))


def _escaped(name: object) -> str:
    """A name as a part of a JSON pointer (RFC 6901, section 3)."""
    return str(name).replace("~", "~0").replace("/", "~1")


def read_body(shape: type[Serializer[Any]], request: Request, **options: Any) -> Any:
    """The body as the serializer reads it; raise Invalid or REST framework's ValidationError."""
    given = read_object(request)
    if not options:
        with suppress(exceptions.ValidationError):
            return _reader(shape).run_validation(given)
    # read again by one of its own, whose fields say what is wrong
    body = shape(data=given, **options)
    body.is_valid(raise_exception=True)
    return body.validated_data


@cache
def _reader(shape: type[Serializer[Any]]) -> Serializer[Any]:
    """One for all calls: to copy the fields for each takes several times what reading takes."""
    return shape()


def read_object(request: Request) -> dict[str, Any]:
    """The body as it came, an object; raise Invalid for anything else."""
    if not isinstance(request.data, dict):
        detail = _("Send one JSON object.")
        raise Invalid(detail, errors=[field_error("", "invalid", detail)])
    return request.data


def once_only(answer: Answer) -> Response:
    """What an Idempotency-Key stands for, which may have been answered before."""
    return Response(
        answer.body,
        status=answer.status,
        headers={"Idempotent-Replayed": "true"} if answer.is_replay else None,
        content_type=CONTENT_TYPE if answer.status >= 400 else None,
    )


def tagged(request: Request, body: Any, headers: Mapping[str, str]) -> Response:
    """The body under its `ETag`; 304 for whoever holds it (RFC 9110, section 13.1.2)."""
    if holds(request, headers["ETag"]):
        return Response(status=304, headers=dict(headers))
    return Response(body, headers=dict(headers))


def holds(request: Request | HttpRequest, etag: str) -> bool:
    """Whether the caller has this form already; a proxy may have made its tag a weak one."""
    held = _tags(request, "If-None-Match")
    return ANY_TAG in held or etag in {tag.removeprefix("W/") for tag in held}


def seen(request: Request) -> frozenset[str] | None:
    """The strong tags of `If-Match` (RFC 9110, section 13.1.1); None for `*`, which all match."""
    named = _tags(request, "If-Match")
    return None if ANY_TAG in named else frozenset(tag for tag in named if tag.startswith('"'))


def _tags(request: Request | HttpRequest, name: str) -> list[str]:
    return parse_etags(header(request, name))


def whole_number(request: Request, name: str) -> int | None:
    """A number of the query string, None without one; raise Invalid for anything else."""
    text = request.query_params.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        detail = _("Write %(name)s as a whole number, 0 or above.") % {"name": name}
        raise Invalid(detail, errors=[field_error(f"/{name}", "invalid", detail)])
    return int(text)


def is_yes(request: Request, name: str) -> bool:
    """A yes or no of the query string, no without one; raise Invalid for anything else."""
    text = request.query_params.get(name, "").lower()
    if text in YES:
        return True
    if text in NO:
        return False
    detail = _("Write %(name)s as true or false.") % {"name": name}
    raise Invalid(detail, errors=[field_error(f"/{name}", "invalid", detail)])


def page_size(request: Request, *, default: int = 20, largest: int = 100) -> int:
    """`?limit=`, clamped to what a page can hold."""
    asked = whole_number(request, "limit")
    return default if asked is None else max(1, min(asked, largest))


def place(text: str) -> int | None:
    """The cursor of a list whose places are numbers, None without one; raise BadCursor."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadCursor
    return int(text)


def newest(request: Request, rows: QuerySet[Any]) -> tuple[list[Any], str | None]:
    """A page of rows with a public id, newest first, and the address of the next one."""
    limit = page_size(request)
    found = list(rows.order_by("-pk")[: limit + 1])
    page = found[:limit]
    return page, next_page(request, page[-1].public_id if len(found) > limit else "")


def next_page(request: Request, cursor: str) -> str | None:
    """The address of the page after this one; None at the end."""
    if not cursor:
        return None
    asked = {**dict(request.query_params.lists()), "cursor": cursor}
    # colons stand between the parts of a cursor, and may stand in a query
    query = urlencode(asked, doseq=True, safe=":")
    return f"{request.scheme}://{request.get_host()}{escape_uri_path(request.path)}?{query}"
