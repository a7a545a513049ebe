"""The catalogue over REST: public, shapes only."""

import hashlib
from typing import Any

import orjson
from django.conf import settings
from django.utils import timezone
from django.utils.translation import get_language
from rest_framework.decorators import api_view, authentication_classes
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import products
from museo.access.rest import next_page, page_size, whole_number


@api_view(["GET"])
@authentication_classes([])
def product_list(request: Request) -> Response:
    """Products on sale, by words, category, price and stock; pages by cursor."""
    return Response(_page(request))


@api_view(["GET"])
@authentication_classes([])
def search(request: Request) -> Response:
    """The same list, with how the words were understood."""
    words = request.query_params.get("q", "").split()
    return Response(
        {**_page(request), "interpretation": {"words": words}, "suggestions": [], "facets": {}}
    )


def _page(request: Request) -> dict[str, Any]:
    asked = request.query_params
    page = products.listing(
        locale=_locale(),
        now=timezone.now(),
        query=asked.get("q", ""),
        category=asked.get("category", ""),
        price_min=whole_number(request, "price_min"),
        price_max=whole_number(request, "price_max"),
        in_stock=asked.get("in_stock", "").lower() in {"1", "true", "yes"},
        sort=asked.get("sort", ""),
        limit=page_size(request),
        cursor=asked.get("cursor", ""),
    )
    return {"results": page.results, "next": next_page(request, page.next_cursor)}


@api_view(["GET"])
@authentication_classes([])
def product_detail(request: Request, key: str) -> Response:
    """One product by id, slug or SKU; unchanged since the caller's `ETag` it is 304."""
    body = products.detail(key, locale=_locale(), now=timezone.now())
    etag = f'"{hashlib.sha256(orjson.dumps(body)).hexdigest()[:24]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": "Accept-Language"}
    if request.headers.get("If-None-Match") == etag:
        return Response(status=304, headers=headers)
    return Response(body, headers=headers)


@api_view(["GET"])
@authentication_classes([])
def category_tree(request: Request) -> Response:
    return Response({"results": products.categories(locale=_locale())})


def _locale() -> str:
    return get_language() or settings.LANGUAGE_CODE
