"""The pages about the shop itself: what it is, how things come and go back, what it keeps."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parseaddr

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from catalog.shop import currency, current
from orders import delivery, lifecycle, plans


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/about.html")


@require_safe
def ways(request: HttpRequest) -> HttpResponse:
    """Every way of delivery with its price and how long its plan takes."""
    now = timezone.now()
    shown = [
        {
            "label": option.label,
            "price": {"amount": option.price, "currency": currency()},
            "left": lifecycle.left(now + _lasts(option), now=now),
        }
        for option in delivery.OPTIONS.get()
    ]
    return render(request, "pages/delivery.html", {"ways": shown})


def _lasts(option: delivery.DeliveryOption) -> timedelta:
    _plan, steps = plans.find(option.plan)
    return steps[-1].after / settings.MUSEO_CLOCK_SPEED


@require_safe
def returns(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/returns.html", {"days": lifecycle.RETURN_WINDOW.days})


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/privacy.html")


@require_safe
def contact(request: HttpRequest) -> HttpResponse:
    """Where the shop says, or else where its letters come from, if that reaches it."""
    address = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    sender = "" if address.endswith("@localhost") else address
    return render(request, "pages/contact.html", {"mail": current().contact_email or sender})
