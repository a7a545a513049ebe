"""HEAD wherever GET is (RFC 9110, section 9.1): answered as GET is, without the body.

A 304 has no body either, and says no length: that would be the one of its 200 (section 8.6).
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def with_head(get_response: GetResponse) -> GetResponse:
    """Middleware inside of which nobody knows of HEAD: views, limits and what is kept see GET."""

    def answering(request: HttpRequest) -> HttpResponseBase:
        is_head = request.method == "HEAD"
        if is_head:
            request.method = "GET"
        response = get_response(request)
        if "Allow" in response.headers:
            response.headers["Allow"] = ", ".join(allowed(response.headers["Allow"].split(", ")))
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            response.headers.pop("Content-Length", None)
        if is_head:
            request.method = "HEAD"
            _take_body_off(response)
        return response

    return answering


def allowed(methods: Iterable[str]) -> list[str]:
    """The methods that are answered where these have a view."""
    named = set(methods)
    return sorted(named | {"HEAD"} if "GET" in named else named)


def _take_body_off(response: HttpResponseBase) -> None:
    """The headers stay, with the length that GET would have."""
    if isinstance(response, StreamingHttpResponse):
        response.streaming_content = ()
    elif isinstance(response, HttpResponse) and response.content:
        response.headers.setdefault("Content-Length", str(len(response.content)))
        response.content = b""
