"""Where programmers read what /api/v1 takes and answers, and what is pushed."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import condition, require_safe

from museo.access.operations import JSON
from museo.lazy import Lazy


def _serving(document: Any) -> Callable[[HttpRequest], HttpResponse]:
    def etag(request: HttpRequest) -> str:
        return str(document.written()[1])

    @require_safe
    @condition(etag_func=etag)
    def serve(request: HttpRequest) -> HttpResponse:
        body = document.written()[0]
        return HttpResponse(body, content_type=JSON, headers={"Cache-Control": "no-cache"})

    return serve


# with them comes all that makes the documents, which takes longer to load than most pages to make
openapi = _serving(Lazy("museo.openapi"))
asyncapi = _serving(Lazy("museo.asyncapi"))


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """`/docs`: the document as a page, with all it needs from this host."""
    return render(request, "docs.html")
