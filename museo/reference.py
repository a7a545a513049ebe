"""Where programmers read what /api/v1 takes and answers."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import condition, require_safe

from museo.access.operations import JSON
from museo.lazy import Lazy

# with it comes all that makes the document, which takes longer to load than most pages to make
document: Any = Lazy("museo.openapi")


def _etag(request: HttpRequest) -> str:
    return str(document.written()[1])


@require_safe
@condition(etag_func=_etag)
def openapi(request: HttpRequest) -> HttpResponse:
    """`/openapi.json`."""
    body = document.written()[0]
    return HttpResponse(body, content_type=JSON, headers={"Cache-Control": "no-cache"})


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """`/docs`: the document as a page, with all it needs from this host."""
    return render(request, "docs.html")
