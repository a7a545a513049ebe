"""The pages on which somebody pays: after a checkout, and by a payment link."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from catalog import shop
from museo.access.callers import caller_from_request
from museo.access.problems import NotFound, Problem, by_field
from museo.access.tokens import as_name
from orders import baskets, checkout_form, cookies, outcomes, payments, placing, pricing
from orders.models import Order, Payment, PaymentLink
from orders.payments import links, settlement

# a page that waits asks the provider itself, but not more often than that
PATIENCE = timedelta(seconds=5)


@never_cache
@require_http_methods(["GET", "POST"])
def pay(request: HttpRequest, payment_id: str) -> HttpResponse:
    """Where a payment stands: its customer confirms, waits, or goes on to the order."""
    found = Payment.objects.filter(public_id=as_name(payment_id))
    payment = found.select_related("checkout", "order").first()
    if payment is None:
        raise Http404
    if request.method == "POST":
        return _answer(request, payment)
    if "done" in request.GET and payment.state in Payment.OPEN:
        _ask(payment)
        payment.refresh_from_db()
    return _stand(request, payment)


def _answer(request: HttpRequest, payment: Payment) -> HttpResponse:
    """The demo bank's customer approves or refuses."""
    try:
        placed = outcomes.finish_payment(
            payment.public_id,
            approved="approve" in request.POST,
            now=timezone.now(),
            speed=settings.MUSEO_CLOCK_SPEED,
        )
    except NotFound:
        return redirect("pay", payment.public_id)
    except Problem as problem:
        messages.error(request, problem.detail)
        return redirect("pay", payment.public_id)
    if not placed.ticket:
        return redirect("pay", payment.public_id)
    return cookies.to_order(request, placed.order.number, placed.ticket)


def _ask(payment: Payment) -> None:
    """The customer is back from the provider, perhaps before its webhook."""
    now = timezone.now()
    if payment.look_at and payment.look_at - settlement.ASK_EVERY <= now - PATIENCE:
        settlement.look(payment, now=now, speed=settings.MUSEO_CLOCK_SPEED)


def _stand(request: HttpRequest, payment: Payment) -> HttpResponse:
    state, caller = payment.state, caller_from_request(request)
    is_theirs = Payment.objects.of(caller).filter(pk=payment.pk).exists()
    order = payment.order
    if order and Order.objects.visible_to(caller.to_act()).filter(pk=order.pk).exists():
        return redirect("order", order.number)
    if order and is_theirs:
        ticket = placing.open_order(order, now=timezone.now())
        return cookies.to_order(request, order.number, ticket)
    has_ended = state in (Payment.State.FAILED, Payment.State.CANCELLED)
    if has_ended and is_theirs and not payment.is_on_its_way:
        return redirect("checkout")
    action = payment.next_action or {}
    is_demo = payment.provider == "demo"
    return render(
        request,
        "orders/pay.html",
        {
            "state": state,
            "amount": pricing.money(payment.amount, payment.currency),
            "asks_here": is_demo and state == Payment.State.REQUIRES_ACTION,
            # a form may not lead to another site, so the customer leaves from this page
            "leaves_to": "" if is_demo else action.get("url", ""),
            # whoever pays by a link has another basket, or none
            "by_link": payment.link_id is not None,
            "is_back": "back" in request.GET or "done" in request.GET,
            "waits": state == Payment.State.CREATED
            or payment.is_on_its_way
            or ("done" in request.GET and state in Payment.OPEN),
        },
    )


@never_cache
@require_http_methods(["GET", "POST"])
def link(request: HttpRequest, link_token: str) -> HttpResponse:
    """What a payment link is for, and how to pay it."""
    found = links.find(link_token)
    problem_body = None
    if request.method == "POST" and "show" not in request.POST:
        try:
            placed = links.pay(
                found,
                method=request.POST.get("payment", ""),
                body=checkout_form.body(request.POST),
                locale=caller_from_request(request).locale,
                now=timezone.now(),
                speed=settings.MUSEO_CLOCK_SPEED,
            )
        except (outcomes.PaymentActionRequired, outcomes.PaymentPending) as problem:
            return redirect("pay", problem.facts["payment_id"])
        except Problem as problem:
            problem_body = problem.body()
        else:
            if placed.ticket:
                return cookies.to_order(request, placed.order.number, placed.ticket)
            return redirect("payment_link", link_token)
    found.refresh_from_db()
    return _link_page(request, found, problem_body)


def _link_page(
    request: HttpRequest, found: PaymentLink, problem: dict[str, Any] | None = None
) -> HttpResponse:
    now, caller = timezone.now(), caller_from_request(request)
    state = links.state_of(found, now=now)
    shown: dict[str, Any] = {}
    if state == PaymentLink.State.PAID:
        shown = {"paid": links.paid_by(found)}
    elif state == PaymentLink.State.OPEN and found.order:
        shown = _order_form(found, found.order, request.POST, problem)
    elif state == PaymentLink.State.OPEN:
        shown = _basket_form(found, request.POST, caller.locale, problem, now=now)
        # its owner has bought it, or emptied it
        state = state if shown else PaymentLink.State.VOID
    return render(
        request,
        "orders/payment_link.html",
        {"link": found, "state": state, "problem": problem, **shown},
        status=problem["status"] if problem else 200,
    )


def _order_form(
    found: PaymentLink, order: Order, typed: Mapping[str, str], problem: Mapping[str, Any] | None
) -> dict[str, Any]:
    ways = payments.offered(links.KINDS)
    return {
        "payment": typed.get("payment") or next(iter(ways), ""),
        "payments": ways.items(),
        "errors": by_field((problem or {}).get("errors", [])),
        **links.of_order(found, order),
    }


def _basket_form(
    found: PaymentLink,
    typed: Mapping[str, str],
    locale: str,
    problem: Mapping[str, Any] | None,
    *,
    now: datetime,
) -> dict[str, Any]:
    """The checkout's form, for whoever pays; empty if nothing is in the basket any more."""
    payer = links.payer(found, locale)
    opened = baskets.find(payer)
    if opened is None or not opened.basket.lines.exists():
        return {}
    values = dict(typed.items()) or {"country": shop.current().country}
    form = checkout_form.shown(opened, values, payer, problem=problem, pays=links.KINDS, now=now)
    return {**form, "lines": form["basket"]["lines"]}
