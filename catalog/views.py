"""The shop's pages: the walls, and one work."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from catalog import products
from museo.access.problems import Problem

PAGE = 24


def shop(request: HttpRequest) -> HttpResponse:
    """The list: by room, by words, sorted; a plain GET form."""
    asked = request.GET
    locale = _locale()
    rooms = products.categories(locale=locale)
    category, query = asked.get("category", ""), asked.get("q", "")
    try:
        page = products.listing(
            locale=locale,
            now=timezone.now(),
            query=query,
            category=category,
            sort=asked.get("sort", ""),
            limit=PAGE,
            cursor=asked.get("cursor", ""),
        )
    except Problem as problem:
        raise Http404(problem.detail) from problem
    further = asked.copy()
    further["cursor"] = page.next_cursor
    return render(
        request,
        "catalog/list.html",
        {
            "section": "shop",
            "heading": _heading(rooms, category, query),
            "rooms": rooms,
            "category": category,
            "query": query,
            "sort": asked.get("sort", ""),
            "sorts": [
                ("", _("Best match") if query else _("Newest")),
                ("price", _("Price, low to high")),
                ("-price", _("Price, high to low")),
            ],
            "products": page.results,
            "next_cursor": page.next_cursor,
            "next_query": further.urlencode(),
        },
    )


def product(request: HttpRequest, slug: str) -> HttpResponse:
    """One work with its label, its variants and the way into the basket."""
    try:
        shown = products.detail(slug, locale=_locale(), now=timezone.now())
    except products.UnknownProduct as problem:
        raise Http404(problem.detail) from problem
    return render(
        request,
        "catalog/product.html",
        {
            "section": "shop",
            "product": shown,
            "category_name": _name_of(products.categories(locale=_locale()), shown["category"]),
        },
    )


def _heading(rooms: products.Tree, category: str, query: str) -> str:
    if query:
        return _("What matches “%(query)s”") % {"query": query[:80]}
    return _name_of(rooms, category) if category else _("On the walls now")


def _name_of(rooms: products.Tree, slug: str) -> str:
    for room in rooms:
        if room["slug"] == slug:
            return str(room["name"])
        if found := _name_of(room["children"], slug):
            return found
    return ""


def _locale() -> str:
    return get_language() or settings.LANGUAGE_CODE
