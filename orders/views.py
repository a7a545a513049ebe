"""The pages of baskets, checkout and orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from catalog import cards, shop
from catalog.modifiers import BadModifiers
from catalog.money import Money
from museo.access.callers import BASKET_COOKIE, Caller, caller_from_request
from museo.access.problems import Invalid, NotAllowed, NotFound, Problem, by_field
from museo.access.sent_forms import form_of
from notifications import log
from notifications.envelope import render as render_envelope
from notifications.envelope import timestamp
from notifications.models import Event
from orders import (
    adjustments,
    amendments,
    baskets,
    checkout,
    checkout_form,
    cookies,
    followers,
    lifecycle,
    offers,
    outcomes,
    payments,
    places,
    publishing,
    tracking,
)
from orders.models import Basket, Checkout, Order

LOG_ROWS = 6
# who goes back to the checkout within it looks for the order
JUST_PAID = timedelta(minutes=30)


# the basket


@never_cache
@require_GET
def basket(request: HttpRequest) -> HttpResponse:
    return _basket(request)


def _basket(request: HttpRequest, *, refused: Problem | None = None) -> HttpResponse:
    """The page; with what was typed, if that was refused."""
    caller = caller_from_request(request)
    shown = baskets.show(baskets.find(caller), locale=caller.locale, now=timezone.now())
    return render(
        request,
        "orders/basket.html",
        {"basket": _hung(shown), "values": request.POST},
        status=refused.status if refused else None,
    )


def _hung(shown: dict[str, Any]) -> dict[str, Any]:
    """With the room of each line's product, on whose wall its picture is shown."""
    rooms = cards.rooms_of([line["sku"] for line in shown["lines"]])
    lines = [{**line, "room": rooms.get(line["sku"], "")} for line in shown["lines"]]
    return {**shown, "lines": lines}


@form_of("basket")
def basket_add(request: HttpRequest) -> HttpResponse:
    """Fields `sku` and `quantity`; `modifiers-…` have what is chosen of each group."""
    sku = request.POST.get("sku", "")
    try:
        opened = baskets.add(
            caller_from_request(request),
            sku=sku,
            quantity=_quantity(request),
            modifiers=_modifiers(request),
            now=timezone.now(),
        )
    except Problem as problem:
        messages.error(request, problem.detail)
        return redirect(_to_choose_again(request, sku, problem))
    return _with_basket(redirect("basket"), opened)


def _to_choose_again(request: HttpRequest, sku: str, problem: Problem) -> str:
    """The page that the form was on, or that where one chooses; it keeps what was chosen."""
    page, typed = _back(request), request.POST.copy()
    slug = cards.slug_of(sku)
    own = reverse("product", args=[slug]) if slug else ""
    if not own or (urlsplit(page).path != own and not isinstance(problem, BadModifiers)):
        return page
    typed.pop("csrfmiddlewaretoken", None)
    return f"{own}?{typed.urlencode()}"


@form_of("basket")
def basket_line(request: HttpRequest, line_id: int) -> HttpResponse:
    """Field `quantity` changes a line, `remove` takes it out."""
    caller, now = caller_from_request(request), timezone.now()
    try:
        if "remove" in request.POST:
            baskets.remove(caller, line_id=line_id, now=now)
        else:
            baskets.set_quantity(caller, line_id=line_id, quantity=_quantity(request), now=now)
    except Problem as problem:
        messages.error(request, problem.detail)
    return redirect("basket")


@never_cache
@form_of("basket")
def basket_coupon(request: HttpRequest) -> HttpResponse:
    """Fields `code`, or `no_coupon` to take it out."""
    try:
        _coupon(request)
    except Problem as problem:
        messages.error(request, problem.detail)
        return _basket(request, refused=problem)
    return redirect("basket")


def _modifiers(request: HttpRequest) -> list[str]:
    groups = [name for name in request.POST if name.startswith("modifiers-")]
    return [code for name in groups for code in request.POST.getlist(name) if code]


def _quantity(request: HttpRequest) -> int:
    return checkout_form.number(request.POST.get("quantity", "1"))


def _back(request: HttpRequest) -> str:
    """The page of this shop that the form was on."""
    page = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(page, {request.get_host()}, request.is_secure())
    return page if is_ours else "shop"


# checkout


@never_cache
@require_http_methods(["GET", "POST"])
def checkout_page(request: HttpRequest) -> HttpResponse:
    """One page; the key in its form makes a double click one purchase.

    Its other buttons show the sum anew, or put a coupon in or out, and buy nothing.
    """
    if request.method == "GET":
        return _checkout_form(request, {}, key=uuid4().hex)
    typed = request.POST
    key = typed.get("key", "")
    caller, now = caller_from_request(request), timezone.now()
    try:
        if "show" in typed:
            return _checkout_form(request, typed, key=key)
        if "coupon" in typed or "no_coupon" in typed:
            _coupon(request)
            return _checkout_form(request, typed, key=key)
        answer = checkout.place_once(
            caller, checkout_form.body(typed), key=key, now=now, speed=settings.MUSEO_CLOCK_SPEED
        )
        status, body = answer.status, answer.body
    except Invalid as problem:
        return _checkout_form(request, typed, key=key, problem=problem.body())
    except Problem as problem:
        status, body = problem.status, problem.body()
    if status == 201:
        return cookies.to_order(request, body["number"], body["ticket"])
    if body["code"] in (outcomes.PaymentActionRequired.code, outcomes.PaymentPending.code):
        return redirect("pay", body["payment_id"])
    if body["code"] in (baskets.UnknownBasket.code, offers.BasketEmpty.code):
        # which may have been bought at this moment, by another tab
        return _checkout_form(request, {}, key=uuid4().hex)
    # the answer of this key is given: another try is another purchase
    return _checkout_form(request, typed, key=uuid4().hex, problem=body)


def _checkout_form(
    request: HttpRequest,
    typed: Mapping[str, str],
    *,
    key: str,
    problem: Mapping[str, Any] | None = None,
) -> HttpResponse:
    caller, now = caller_from_request(request), timezone.now()
    opened = baskets.find(caller)
    if opened is None or not opened.basket.lines.exists():
        return _after_paying(caller, now=now) or redirect("basket")
    # a form that came back shows its values; a first one what we know of who buys
    values = dict(typed.items()) or {**_known_of(request), **_tried_before(request, opened.basket)}
    context = checkout_form.shown(opened, values, caller, problem=problem, now=now)
    return render(
        request,
        "orders/checkout.html",
        {
            **context,
            "basket": _hung(context["basket"]),
            "places": places.shown(request.user) if request.user.is_authenticated else [],
            "key": key,
            "is_demo": payments.is_configured("demo"),
        },
        status=problem["status"] if problem else 200,
    )


def _after_paying(caller: Caller, *, now: datetime) -> HttpResponse | None:
    """The order of whoever goes back to the checkout, which has emptied their basket."""
    own = Order.objects.own(caller.to_act()).filter(placed_at__gte=now - JUST_PAID)
    order = own.order_by("-pk").first()
    return redirect("order", order.number) if order else None


def _coupon(request: HttpRequest) -> None:
    """Fields `code`, or `no_coupon` to take it out."""
    caller, now = caller_from_request(request), timezone.now()
    if "no_coupon" in request.POST:
        baskets.remove_coupon(caller)
    else:
        baskets.apply_coupon(caller, request.POST.get("code", ""), now=now)


def _known_of(request: HttpRequest) -> dict[str, str]:
    """What a first form has filled in: of a user, to whom and where their last order went."""
    known = {"country": shop.current().country}
    if not request.user.is_authenticated:
        return known
    known["email"] = request.user.email
    chosen = request.GET.get("place", "")
    if recipient := places.usual(request.user.pk, chosen=chosen):
        known |= {"name": recipient.name, **recipient.address}
    return known


def _tried_before(request: HttpRequest, basket: Basket) -> dict[str, str]:
    """What was typed for a payment that came to nothing; not by whoever pays by a link."""
    if "place" in request.GET:
        return {}
    begun = basket.checkouts.filter(payments__link=None, payments__isnull=False)
    tried = begun.order_by("-pk").first()
    if tried is None or tried.state == Checkout.State.COMPLETED:
        return {}
    tip = Money(tried.tip, tried.currency)
    typed = {"name": tried.name, "email": tried.email, **tried.address, "delivery": tried.delivery}
    typed["tip"] = str(tip.as_decimal()) if tip.amount else ""
    return {name: text for name, text in typed.items() if text}


# orders


@never_cache
@require_GET
def order_list(request: HttpRequest) -> HttpResponse:
    """A user's own; a guest's of this browser."""
    caller = caller_from_request(request)
    own = Order.objects.own(caller).order_by("-pk")[:50]
    return render(
        request,
        "orders/list.html",
        {
            "section": "orders",
            "orders": [tracking.brief(order) for order in own],
            "ended": lifecycle.ENDED,
        },
    )


@never_cache
@require_GET
def order_page(request: HttpRequest, number: str) -> HttpResponse:
    """The tracking page: every fact is in the HTML, `<museo-live>` keeps it true."""
    brought = request.GET.get("ticket", "")
    if tracking.opened_by(brought) == number:
        return cookies.to_order(request, number, brought)
    return show_order(request, number)


def show_order(
    request: HttpRequest, number: str, *, refused: Problem | None = None, form: str = ""
) -> HttpResponse:
    """The page; with a refusal in the `form` that was sent, which keeps what was typed."""
    caller, now = caller_from_request(request), timezone.now()
    order = tracking.find(caller, number)
    may_act, has_ended = tracking.may_act(caller, order), order.status in lifecycle.ENDED
    # the events first: what happens between the two is told by the stream again
    events = log.read([order.topic], after=0)
    track = tracking.track(order, locale=caller.locale, now=now)
    position = events[-1].position if events else 0
    summary = _hung(tracking.seen_by(caller, order, now=now))
    can_amend = may_act and order.status in lifecycle.AMENDED_BY_CUSTOMERS
    to_return = _to_return(order, summary["lines"], request.POST, now=now) if may_act else []
    if refused and not (can_amend if form == "amend" else to_return):
        # there is no such form any more
        messages.error(request, refused.detail)
    return render(
        request,
        "orders/order.html",
        {
            "section": "orders",
            "order": order,
            "track": track,
            "steps": [
                {
                    **step,
                    "headline": _(lifecycle.text_key(step["code"], "headline")),
                    "text": _(lifecycle.text_key(step["code"], "message")),
                }
                for step in track["steps"]
            ],
            "headline": _(lifecycle.text_key(order.status, "headline")),
            "cursor": log.format_cursor(log.state().epoch, position),
            "version": events[-1].version if events else 0,
            "log": [render_envelope(event, caller.locale) for event in reversed(events)][:LOG_ROWS],
            "summary": summary,
            "may_act": may_act,
            "cancel_until": tracking.cancel_until(order) if may_act else None,
            "refused": refused,
            "form": form,
            "typed": request.POST,
            "changeable": _changeable(order, request.POST, refused),
            "can_amend": can_amend,
            "return_until": tracking.return_until(order),
            "to_return": to_return,
            "has_floor_plan": order.plan == "courier",
            "ended": has_ended,
            "placed_at": timestamp(order.placed_at),
            "left": lifecycle.left(order.eta, now=now),
            "is_today": timezone.localdate(order.eta) == timezone.localdate(now),
            "why_late": _why_late(events, caller.locale) if track["late"] or track["held"] else "",
            "ways": followers.ways(caller, order) if may_act and not has_ended else [],
            "structured": publishing.order(order, track),
        },
        status=refused.status if refused else None,
    )


def _changeable(
    order: Order, typed: Mapping[str, str], refused: Problem | None
) -> list[dict[str, Any]]:
    """The fields of the address; what was typed into them, and what is wrong with that."""
    wrong = by_field(refused.errors) if refused else {}
    return [
        {
            **field,
            "value": typed.get(field["name"], field["value"]),
            "error": wrong.get(field["name"]),
        }
        for field in amendments.form(order)
    ]


def _to_return(
    order: Order, lines: Sequence[dict[str, Any]], typed: Mapping[str, str], *, now: datetime
) -> list[dict[str, Any]]:
    """The lines of which something can still be sent back, each with how many are `left`."""
    until = tracking.return_until(order)
    if until is None or now > until:
        return []
    counted = [
        {**line, "left": line["quantity"] - line["taken_back"] - line["coming_back"]}
        for line in lines
    ]
    back = [line for line in counted if line["left"]]
    # of the only line all is meant
    usual = back[0]["left"] if len(back) == 1 else 0
    return [{**line, "asked": typed.get(f"line-{line['position']}", usual)} for line in back]


def _why_late(events: Sequence[Event], locale: str) -> str:
    """What was said with the newest of its new times."""
    told = [event for event in events if event.type == "order.eta_changed"]
    if not told:
        return ""
    return str(render_envelope(told[-1], locale)["data"].get("status_message", ""))


@form_of("order", "number")
def order_cancel(request: HttpRequest, number: str) -> HttpResponse:
    caller, reason = caller_from_request(request), request.POST.get("reason", "")[:200]
    try:
        adjustments.cancel(caller, number, reason=reason, now=timezone.now())
    except NotFound:
        raise
    except Problem as problem:
        messages.error(request, problem.detail)
    return redirect("order", number)


@form_of("order", "number")
def order_reorder(request: HttpRequest, number: str) -> HttpResponse:
    """All of it into the basket again."""
    try:
        opened, told = baskets.reorder(caller_from_request(request), number, now=timezone.now())
    except NotAllowed as problem:
        raise Http404(problem.detail) from problem
    for message in told:
        messages.warning(request, message["detail"])
    return _with_basket(redirect("basket"), opened)


@never_cache
@require_GET
def ticket(request: HttpRequest, token: str) -> HttpResponse:
    """The link a guest was given: the ticket moves into a cookie and out of the address."""
    number = tracking.opened_by(token)
    if number is None:
        raise Http404
    return cookies.to_order(request, number, token)


def _with_basket(response: HttpResponse, opened: baskets.OpenBasket) -> HttpResponse:
    if opened.token:
        cookies.keep(response, BASKET_COOKIE, opened.token)
    return response
