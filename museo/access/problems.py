"""What went wrong and what to do, in the one form that every face shows.

REST answers it as RFC 9457 problem details, MCP as a tool error, a page as a message.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from museo.access.context import correlation_id

CONTENT_TYPE = "application/problem+json"


class Problem(Exception):
    """A refusal that the caller can do something about; subclasses name it.

    `code` is stable, `detail` is for people and says what to do, `errors` points at the fields:
    `{"pointer": "/quantity", "code": "out_of_range", "detail": "…"}`.
    """

    status = 400
    code = "bad_request"
    # how one says who one is; sent with a 401
    challenge = 'Bearer realm="museo"'

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

    def headers(self) -> dict[str, str]:
        """When to come again, and how to say who one is (RFC 9110, sections 10.2.3 and 11.6.1)."""
        headers = {}
        if "retry_after" in self.facts:
            headers["Retry-After"] = str(self.facts["retry_after"])
        if self.status == 401:
            headers["WWW-Authenticate"] = self.challenge
        return headers

    def title(self) -> str:
        return self.code.replace("_", " ").capitalize()


class NotFound(Problem, Http404):
    """Also what the caller may not see; where a page does not catch it, Django's 404."""

    status = 404
    code = "not_found"


class NotSignedIn(Problem):
    status = 401
    code = "authentication_required"


class NotAllowed(Problem, PermissionDenied):
    """Where a page does not catch it, Django's 403."""

    status = 403
    code = "not_allowed"


class Invalid(Problem):
    """A field has a value that cannot be used."""

    code = "invalid"


class BadCursor(Invalid):
    """A place to go on from that is none of this list's; `at` is the field that has it."""

    code = "bad_cursor"

    def __init__(self, detail: str = "", *, at: str = "cursor") -> None:
        said = detail or _("This cursor is not of this list. Follow `next`, or leave it out.")
        super().__init__(said, errors=[field_error(f"/{at}", self.code, said)])


class TooLarge(Problem):
    status = 413
    code = "too_large"


class OtherMethod(Problem):
    """What is there is not asked for in this way (RFC 9110, section 15.5.6)."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, methods: Iterable[str]) -> None:
        self.methods = ", ".join(methods)
        super().__init__(_("Send one of these methods: %(methods)s.") % {"methods": self.methods})

    def headers(self) -> dict[str, str]:
        return {**super().headers(), "Allow": self.methods}


class OtherTrouble(Problem):
    """An HTTP error of the framework, under its own status."""

    def __init__(self, detail: str, *, status: int, code: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


@contextmanager
def errors_under(pointer: str) -> Iterator[None]:
    """What is wrong with a part of a body is said of the whole body."""
    try:
        yield
    except Problem as problem:
        problem.errors = [
            {**error, "pointer": f"{pointer}{error['pointer']}"} for error in problem.errors
        ]
        raise


def field_error(pointer: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "detail": detail}


def by_field(errors: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """What is wrong, by the name of the field, as a form shows it."""
    return {error["pointer"].rpartition("/")[2]: error["detail"] for error in errors}


def response(problem: Problem, *, instance: str = "") -> JsonResponse:
    return JsonResponse(
        problem.body(instance=instance),
        status=problem.status,
        headers=problem.headers(),
        content_type=CONTENT_TYPE,
    )


@csrf_exempt
def not_found(request: Any, exception: Exception | None = None) -> HttpResponse:
    """The API's 404 for an address that no route knows."""
    problem = NotFound(_("There is nothing here. Check the address."))
    return response(problem, instance=request.path)
