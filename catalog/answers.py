"""Answers to guests that are given again while the catalogue stands as it did.

What is kept is what REST framework has written, byte for byte, with its headers. Who asks for
something unusual (another content type) is answered anew. An answer that is kept needs
neither its view nor the middlewares around it (`given_again`).
"""

from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, TypeVar, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone

from catalog import editions, shop
from catalog.context import language_of
from catalog.editions import Answer, Edition
from museo.access import admission
from museo.access.rest import holds

API = "/api/v1/"
# what the one renderer is chosen for
PLAIN_ACCEPTS = {"", "*/*", "application/json"}
LONGEST_QUERY = 1000

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
GetResponse = Callable[[HttpRequest], HttpResponseBase]


def kept(view: View) -> View:
    """For a view of REST framework that answers all callers alike, by path, query and language."""

    @wraps(view)
    def answering(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not _is_plain(request) or not admission.admit_guest(request):
            return view(request, *args, **kwargs)
        edition = editions.current(now=timezone.now())
        response = view(request, *args, **kwargs)
        if edition and response.status_code == 200:
            response.edition = edition  # type: ignore[attr-defined]
        return response

    return cast(View, answering)


def given_again(get_response: GetResponse) -> GetResponse:
    """Middleware that answers with what is kept, and keeps what may be."""

    def answering(request: HttpRequest) -> HttpResponseBase:
        if not _is_plain(request):
            return get_response(request)
        key = _key(request)
        found = editions.answer(key, now=timezone.now())
        if found and admission.admit_guest(request):
            return _again(request, found)
        response = get_response(request)
        edition: Edition | None = getattr(response, "edition", None)
        if edition:
            _keep(edition, key, cast(HttpResponse, response))
        return response

    return answering


def _is_plain(request: HttpRequest) -> bool:
    asked = request.META.get("QUERY_STRING", "")
    return (
        request.method == "GET"
        and request.path.startswith(API)
        and settings.MUSEO_ANSWERS_MB > 0
        and request.META.get("HTTP_ACCEPT", "") in PLAIN_ACCEPTS
        and len(asked) <= LONGEST_QUERY
        and "format=" not in asked
    )


def _key(request: HttpRequest) -> Hashable:
    """All that an answer depends on besides the edition; `next` names the host."""
    query = request.META.get("QUERY_STRING", "")
    host, here = (request.scheme, request.get_host()), shop.current()
    return request.path, query, host, language_of(request, here), here


def _keep(edition: Edition, key: Hashable, response: HttpResponse) -> None:
    edition.keep(key, Answer(response.content, tuple(response.items())))


def _again(request: HttpRequest, found: Answer) -> HttpResponse:
    etag = found.header("ETag")
    if etag and holds(request, etag):
        response = HttpResponse(status=304, headers=dict(found.headers))
        del response["Content-Type"]
        return response
    return HttpResponse(found.body, headers=dict(found.headers))
