"""The catalogue over REST: public, shapes only."""

import hashlib

import orjson
from django.conf import settings
from django.utils import timezone
from django.utils.http import parse_etags
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from rest_framework.decorators import api_view, authentication_classes
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import products
from catalog.search import completing
from museo.access.problems import Invalid, field_error
from museo.access.rest import next_page, page_size, whole_number

YES = {"1", "true", "yes", "on"}
NO = {"", "0", "false", "no", "off"}


@api_view(["GET"])
@authentication_classes([])
def product_list(request: Request) -> Response:
    """Products on sale, by words, category, price and stock; pages by cursor."""
    page = _page(request)
    return Response({"results": page.results, "next": next_page(request, page.next_cursor)})


@api_view(["GET"])
@authentication_classes([])
def search(request: Request) -> Response:
    """The same list, with how the words were understood, what to try else, and what to narrow by.

    `plain=true` takes the words as they stand.
    """
    page = _page(request)
    return Response(
        {
            "results": page.results,
            "interpretation": page.interpretation,
            "suggestions": page.suggestions,
            "facets": page.facets,
            "next": next_page(request, page.next_cursor),
        }
    )


@api_view(["GET"])
@authentication_classes([])
def suggest(request: Request) -> Response:
    """What the words so far may become: products, categories, longer words."""
    found = completing.suggest(
        request.query_params.get("q", ""), locale=_locale(), now=timezone.now()
    )
    return Response({"suggestions": found})


def _page(request: Request) -> products.Page:
    asked = request.query_params
    return products.listing(
        locale=_locale(),
        now=timezone.now(),
        query=asked.get("q", ""),
        is_plain=_is_yes(request, "plain"),
        category=asked.get("category", ""),
        price_min=whole_number(request, "price_min"),
        price_max=whole_number(request, "price_max"),
        in_stock=_is_yes(request, "in_stock"),
        brand=asked.get("brand", ""),
        kind=asked.get("kind", ""),
        colour=asked.get("colour", ""),
        sort=asked.get("sort", ""),
        limit=page_size(request),
        cursor=asked.get("cursor", ""),
    )


@api_view(["GET"])
@authentication_classes([])
def product_detail(request: Request, key: str) -> Response:
    """One product by id, slug or SKU; unchanged since the caller's `ETag` it is 304."""
    body = products.detail(key, locale=_locale(), now=timezone.now())
    etag = f'"{hashlib.sha256(orjson.dumps(body)).hexdigest()[:24]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": "Accept-Language"}
    if _has(request, etag):
        return Response(status=304, headers=headers)
    return Response(body, headers=headers)


@api_view(["GET"])
@authentication_classes([])
def category_tree(request: Request) -> Response:
    return Response({"results": products.categories(locale=_locale())})


def _has(request: Request, etag: str) -> bool:
    """Whether the caller holds this form already; a proxy may have made its tag a weak one."""
    held = parse_etags(request.headers.get("If-None-Match", ""))
    return "*" in held or etag in {tag.removeprefix("W/") for tag in held}


def _is_yes(request: Request, name: str) -> bool:
    text = request.query_params.get(name, "").lower()
    if text in YES:
        return True
    if text in NO:
        return False
    detail = _("Write %(name)s as true or false.") % {"name": name}
    raise Invalid(detail, errors=[field_error(f"/{name}", "invalid", detail)])


def _locale() -> str:
    return get_language() or settings.LANGUAGE_CODE
