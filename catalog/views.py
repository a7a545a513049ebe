"""The shop's pages: the walls, and one work."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from catalog import products, publishing, questions, restock, reviews, stock
from catalog.search import links
from catalog.shop import current
from museo.access.callers import Caller, caller_from_request
from museo.access.problems import Problem
from museo.access.sent_forms import form_of
from notifications import contacts

PAGE = 24
# one work is shown larger among so many at least
FILLS_A_WALL = 5
# so many categories say what could be searched for
EXAMPLES = 3
# of so many units at most it is said how many are left
FEW = 5
LONGEST_ADDRESS, LONGEST_CODE, LONGEST_QUANTITY = 254, 20, 5
# what the links beside the words ask for; the form keeps it
NARROWING = ("price_min", "price_max", "in_stock", "brand", "kind")


def shop(request: HttpRequest) -> HttpResponse:
    """The list: by room, by words, sorted; a plain GET form."""
    if not current().is_open and not request.user.is_staff:
        return render(request, "catalog/opens_soon.html", {"section": "shop"})
    asked = _asked(request.GET)
    locale = _locale()
    rooms = products.categories(locale=locale)
    category, query = asked.get("category", ""), asked.get("q", "")
    try:
        page = products.listing(
            locale=locale,
            now=timezone.now(),
            query=query,
            is_plain=bool(asked.get("plain")),
            category=category,
            price_min=links.amount(asked, "price_min"),
            price_max=links.amount(asked, "price_max"),
            in_stock=bool(asked.get("in_stock")),
            brand=asked.get("brand", ""),
            kind=asked.get("kind", ""),
            sort=asked.get("sort", ""),
            limit=PAGE,
            cursor=asked.get("cursor", ""),
        )
    except Problem as problem:
        raise Http404(problem.detail) from problem
    further, kept = asked.copy(), asked.copy()
    further["cursor"] = page.next_cursor
    for name in ("category", "cursor"):
        kept.pop(name, None)
    return render(
        request,
        "catalog/list.html",
        {
            "section": "shop",
            "heading": _heading(rooms, category, query),
            "rooms": rooms,
            "entrance": [] if asked else _entrance(rooms, page.results),
            "open_room": _room_of(rooms, category),
            "category": category,
            "query": query,
            "examples": _(", ").join(room["name"] for room in rooms[:EXAMPLES]),
            "sort": asked.get("sort", ""),
            "sorts": _sorts(query),
            "products": page.results,
            "has_highlight": len(page.results) >= FILLS_A_WALL,
            "next_cursor": page.next_cursor,
            "next_query": further.urlencode(),
            "kept_query": kept.urlencode(),
            "understood": page.interpretation["text"] if page.is_interpreted else "",
            "plain_query": links.plainly(asked),
            "suggestions": [(words, links.with_words(asked, words)) for words in page.suggestions],
            "narrowing": links.narrowing(asked, page.facets),
            "narrowed": [(name, asked[name]) for name in NARROWING if asked.get(name)],
        },
    )


def _asked(query: QueryDict) -> QueryDict:
    """The address without the order of a list that was searched then: searches know fewer."""
    asked, sort = query.copy(), query.get("sort", "")
    if sort in products.SORTS and sort not in products.sorts(query.get("q", "")):
        del asked["sort"]
    return asked


def _sorts(query: str) -> list[tuple[str, str]]:
    labels = {
        "price": _("Price, low to high"),
        "-price": _("Price, high to low"),
        "rating": _("Best rated"),
        "name": _("Name"),
    }
    known = products.sorts(query)
    usual = ("", _("Best match") if query else _("Newest"))
    return [usual, *((code, label) for code, label in labels.items() if code in known)]


def product(request: HttpRequest, slug: str) -> HttpResponse:
    """One work with its label, its variants, the way into the basket, and what is said of it."""
    return _product(request, slug)


def _product(
    request: HttpRequest,
    slug: str,
    *,
    refused: Problem | None = None,
    form: str = "",
    code_sent: dict[str, str] | None = None,
) -> HttpResponse:
    """The page; with a refusal beside the `form` that was sent, which keeps what was typed.

    `code_sent` says for which SKU and address a code is asked for.
    """
    shown = products.detail(slug, locale=_locale(), now=timezone.now())
    groups = _groups(shown["variants"])
    structured = publishing.product(shown)
    return render(
        request,
        "catalog/product.html",
        {
            "section": "shop",
            "product": shown,
            "structured": structured,
            "card_image": structured.get("image", ""),
            "groups": groups,
            "chosen": _chosen(request, shown["variants"]),
            "few": [_left(units) for units in range(1, FEW + 1)],
            "sold_out": _sold_out(request, shown["name"], groups),
            "code_sent": code_sent,
            "category_name": _name_of(products.categories(locale=_locale()), shown["category"]),
            "stars": range(5, 0, -1),
            "refused": {form: _said(refused)} if refused else {},
            "typed": request.POST,
        },
        status=refused.status if refused else None,
    )


def _chosen(request: HttpRequest, variants: list[dict[str, Any]]) -> dict[str, Any]:
    """What the address says of the form: what was chosen before it was refused."""
    asked, there = request.GET, {each["sku"] for each in variants if each["in_stock"]}
    groups = [name for name in asked if name.startswith("modifiers-")]
    return {
        "sku": sku if (sku := asked.get("sku", "")) in there else "",
        "quantity": asked.get("quantity", "")[:LONGEST_QUANTITY],
        "modifiers": {code for name in groups for code in asked.getlist(name)},
    }


def _left(units: int) -> str:
    return ngettext("%(left)s left", "%(left)s left", units) % {"left": units}


def _said(refused: Problem) -> str:
    return " ".join(error["detail"] for error in refused.errors) or refused.detail


@form_of("product", "slug")
def ask(request: HttpRequest, slug: str) -> HttpResponse:
    """A question from the product's page."""
    caller, text = caller_from_request(request), request.POST.get("question", "")
    try:
        questions.ask(caller, slug, question=text, now=timezone.now())
    except products.UnknownProduct:
        raise
    except Problem as problem:
        return _product(request, slug, refused=problem, form="question")
    messages.success(request, _("Your question was sent. It is shown here once it is answered."))
    return _done(slug)


@form_of("product", "slug")
def review(request: HttpRequest, slug: str) -> HttpResponse:
    """A review from the product's page."""
    caller, typed = caller_from_request(request), request.POST
    stars = typed.get("rating", "")
    try:
        reviews.write(
            caller,
            slug,
            rating=int(stars) if stars in {"1", "2", "3", "4", "5"} else 0,
            text=typed.get("text", ""),
            signed=typed.get("signed", ""),
            now=timezone.now(),
        )
    except products.UnknownProduct:
        raise
    except Problem as problem:
        return _product(request, slug, refused=problem, form="review")
    messages.success(request, _("Thank you. Your review is shown here once it was read."))
    return _done(slug)


@form_of("product", "slug")
def back(request: HttpRequest, slug: str) -> HttpResponse:
    """To be told when a variant is back, or no longer."""
    caller, sku = caller_from_request(request), request.POST.get("sku", "")
    if caller.user_id is None:
        return _back_by_mail(request, caller, slug, sku)
    try:
        if request.POST.get("forget"):
            restock.cancel(caller, sku)
            said = _("You are not told of it.")
        else:
            restock.ask(caller, sku, now=timezone.now())
            said = _("You are told once it is back.")
    except stock.UnknownSku:
        raise
    except Problem as problem:
        return _product(request, slug, refused=problem, form="back")
    messages.success(request, said)
    return _done(slug)


def _done(slug: str) -> HttpResponse:
    """To what is said at the top of the page, not to the form's own place."""
    return redirect(f"{reverse('product', args=[slug])}#said")


def _back_by_mail(request: HttpRequest, caller: Caller, slug: str, sku: str) -> HttpResponse:
    """A guest names an address, then the code that was sent there; the page asks for it."""
    address = request.POST.get("email", "").strip()[:LONGEST_ADDRESS]
    code = request.POST.get("code")
    asked = {"sku": sku, "email": address}
    try:
        if code is None:
            restock.ask_by_mail(caller, sku, address, now=timezone.now())
            return _product(request, slug, code_sent=asked)
        typed = code.strip()[:LONGEST_CODE]
        restock.confirm_by_mail(caller, sku, address, typed, now=timezone.now())
    except stock.UnknownSku:
        raise
    except contacts.BadCode as problem:
        return _product(request, slug, refused=problem, form="back", code_sent=asked)
    except Problem as problem:
        return _product(request, slug, refused=problem, form="back")
    messages.success(request, _("You are told once it is back."))
    return _done(slug)


def _sold_out(
    request: HttpRequest, name: str, groups: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The variants that somebody could wait for, and whether the caller does.

    One without options is called as its product is.
    """
    rows = [
        {
            **variant,
            "label": _(", ").join(filter(None, [group["name"], variant["label"]]))
            if variant["options"]
            else name,
        }
        for group in groups
        for variant in group["variants"]
        if not variant["in_stock"]
    ]
    if not rows:
        return []
    awaited = restock.awaited(caller_from_request(request), [row["id"] for row in rows])
    return [{**row, "is_awaited": row["id"] in awaited} for row in rows]


def _heading(rooms: products.Tree, category: str, query: str) -> str:
    if query:
        return _("What matches “%(query)s”") % {"query": query[:80]}
    return _name_of(rooms, category) if category else _("In the shop now")


def _entrance(rooms: products.Tree, shown: list[dict[str, Any]]) -> products.Tree:
    """Each room with the picture of the newest work that hangs in it, of those that are shown."""
    pictures: dict[str, str] = {}
    for work in reversed(shown):
        if room := _room_of(rooms, work["category"]):
            pictures[room["slug"]] = work["image"]
    return [{**room, "image": pictures.get(room["slug"], "")} for room in rooms]


def _room_of(rooms: products.Tree, slug: str) -> dict[str, Any] | None:
    """The room at the top that is, or has below it, the category."""
    return next(
        (room for room in rooms if room["slug"] == slug or _room_of(room["children"], slug)), None
    )


def _groups(variants: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The choices by their first option, each with the labels of the others.

    Those that differ in one thing only are one group, without a name; `price` is that of all of a
    group, None where they differ.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for variant in variants:
        first, *others = variant["options"].values() or [variant["sku"]]
        name, labels = (first, others) if others else ("", [first])
        groups.setdefault(name, []).append({**variant, "label": _(", ").join(labels)})
    return [
        {"name": name, "variants": rows, "price": _price_of_all(rows) if name else None}
        for name, rows in groups.items()
    ]


def _price_of_all(variants: list[dict[str, Any]]) -> dict[str, Any] | None:
    first = variants[0]["price"]
    return first if all(variant["price"] == first for variant in variants) else None


def _name_of(rooms: products.Tree, slug: str) -> str:
    for room in rooms:
        if room["slug"] == slug:
            return str(room["name"])
        if found := _name_of(room["children"], slug):
            return found
    return ""


def _locale() -> str:
    return get_language() or settings.LANGUAGE_CODE
