"""The catalogue over REST: public, shapes only."""

import hashlib
from collections.abc import Callable
from typing import Any

import orjson
from django.conf import settings
from django.utils import timezone
from django.utils.translation import get_language
from rest_framework import serializers
from rest_framework.decorators import api_view, authentication_classes
from rest_framework.request import Request

from catalog import products, questions, reviews, voices
from catalog.answers import kept
from catalog.search import completing
from museo.access.callers import caller_from_request
from museo.access.renderers import Response
from museo.access.rest import is_yes, next_page, page_size, read_body, tagged, whole_number


@kept
@api_view(["GET"])
@authentication_classes([])
def product_list(request: Request) -> Response:
    """Products on sale, by words, category, price and stock; pages by cursor."""
    page = _page(request)
    return Response({"results": page.results, "next": next_page(request, page.next_cursor)})


@kept
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


@kept
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
        is_plain=is_yes(request, "plain"),
        category=asked.get("category", ""),
        price_min=whole_number(request, "price_min"),
        price_max=whole_number(request, "price_max"),
        in_stock=is_yes(request, "in_stock"),
        brand=asked.get("brand", ""),
        kind=asked.get("kind", ""),
        colour=asked.get("colour", ""),
        sort=asked.get("sort", ""),
        limit=page_size(request),
        cursor=asked.get("cursor", ""),
    )


@kept
@api_view(["GET"])
@authentication_classes([])
def product_detail(request: Request, key: str) -> Response:
    """One product by id, slug or SKU; unchanged since the caller's `ETag` it is 304."""
    body = products.detail(key, locale=_locale(), now=timezone.now())
    etag = f'"{hashlib.sha256(orjson.dumps(body)).hexdigest()[:24]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": "Accept-Language"}
    return tagged(request, body, headers)


@kept
@api_view(["GET"])
@authentication_classes([])
def category_tree(request: Request) -> Response:
    return Response({"results": products.categories(locale=_locale())})


class ReviewBody(serializers.Serializer[Any]):
    """One to five stars, and what the customer has to say."""

    rating = serializers.IntegerField(min_value=1, max_value=5)
    text = serializers.CharField(default="", allow_blank=True, max_length=reviews.LONGEST_TEXT)
    # the name to be shown
    signed = serializers.CharField(default="", allow_blank=True, max_length=reviews.LONGEST_NAME)


class QuestionBody(serializers.Serializer[Any]):
    question = serializers.CharField(max_length=questions.LONGEST_QUESTION)


@api_view(["GET", "POST"])
def product_reviews(request: Request, key: str) -> Response:
    """GET reads what customers say, newest first; POST says it, once for each customer."""
    now = timezone.now()
    if request.method == "POST":
        said = read_body(ReviewBody, request)
        review = reviews.write(caller_from_request(request), key, **said, now=now)
        return Response({"id": review.public_id, "state": review.state}, status=201)
    return _voices(request, voices.reviews, key)


@api_view(["GET", "POST"])
def product_questions(request: Request, key: str) -> Response:
    """GET reads what shoppers asked and staff answered, newest first; POST asks."""
    now = timezone.now()
    if request.method == "POST":
        asked = read_body(QuestionBody, request)
        question = questions.ask(caller_from_request(request), key, **asked, now=now)
        return Response({"id": question.public_id, "state": question.state}, status=201)
    return _voices(request, voices.questions, key)


def _voices(request: Request, read: Callable[..., Any], key: str) -> Response:
    master = products.find(key, now=timezone.now())
    rows, further = read(
        master.pk, limit=page_size(request), cursor=request.query_params.get("cursor", "")
    )
    return Response({"results": rows, "next": next_page(request, further)})


def _locale() -> str:
    return get_language() or settings.LANGUAGE_CODE
