"""Payments over REST: providers, links, webhooks, and what staff note."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.decorators import api_view, authentication_classes
from rest_framework.request import Request

from museo.access.callers import caller_from_request
from museo.access.problems import TooLarge
from museo.access.renderers import Response
from museo.access.rest import read_body
from orders import payments, tracking
from orders.payments import links, settlement
from orders.payments.links import NewLink

SHORTEST, LONGEST = timedelta(minutes=1), links.LONGEST


class Life(serializers.Serializer[Any]):
    expires_in_seconds = serializers.IntegerField(
        min_value=int(SHORTEST.total_seconds()),
        max_value=int(LONGEST.total_seconds()),
        default=int(links.LIFETIME.total_seconds()),
    )


class LinkToOrder(Life):
    order_id = serializers.CharField(max_length=20)


@api_view(["GET"])
def payment_providers(request: Request) -> Response:
    """How one can pay; only what is `configured` works in this shop."""
    return Response({"results": payments.describe()})


@api_view(["POST"])
def payment_links(request: Request) -> Response:
    """A link by which an order that is not paid is paid, once."""
    wanted = read_body(LinkToOrder, request)
    new = links.for_order(
        caller_from_request(request),
        wanted["order_id"],
        lifetime=timedelta(seconds=wanted["expires_in_seconds"]),
        now=timezone.now(),
    )
    return Response(links.show(new, now=timezone.now()), status=201)


@api_view(["POST"])
def basket_payment_link(request: Request) -> Response:
    """A link by which the caller's basket is paid, once, by whoever has it."""
    wanted = read_body(Life, request)
    new = links.for_basket(
        caller_from_request(request),
        lifetime=timedelta(seconds=wanted["expires_in_seconds"]),
        now=timezone.now(),
    )
    return Response(links.show(new, now=timezone.now()), status=201)


@api_view(["GET", "DELETE"])
def payment_link(request: Request, link_token: str) -> Response:
    """How a link stands; DELETE closes it, for whom its order or basket belongs to."""
    found = (
        links.void(caller_from_request(request), link_token)
        if request.method == "DELETE"
        else links.find(link_token)
    )
    shown = links.show(NewLink(found, link_token), now=timezone.now())
    return Response(shown, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


@api_view(["POST"])
@authentication_classes([])
def payment_webhook(request: Request, provider: str) -> Response:
    """For payment providers: what became of a payment or a refund, signed by them."""
    try:
        body = request.body
    except RequestDataTooBig as error:
        raise TooLarge(_("The body is too large. Send less than 1 MB.")) from error
    heard = settlement.hear(
        provider, body, request.headers, now=timezone.now(), speed=settings.MUSEO_CLOCK_SPEED
    )
    return Response({"received": True, "duplicate": not heard.is_new, "known": heard.is_known})


@api_view(["POST"])
def order_mark_paid(request: Request, number: str) -> Response:
    """Staff have received what an order owes by invoice or in cash; again is harmless."""
    caller, now = caller_from_request(request), timezone.now()
    order = settlement.mark_paid(caller, number, now=now)
    return Response(tracking.summary(order, locale=caller.locale, now=now))
