"""Baskets, checkout and orders over REST: shapes only, the rules are in the services."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request

from catalog.modifiers import MOST_CHOSEN
from museo.access.callers import BASKET_HEADER, Caller, caller_from_request
from museo.access.headers import header
from museo.access.idempotency import BadKey
from museo.access.problems import NotSignedIn
from museo.access.renderers import Response
from museo.access.rest import once_only, read_body, read_object, tagged
from orders import (
    adjustments,
    baskets,
    checkout,
    checkouts,
    offers,
    services,
    tracking,
)
from orders.models import MAX_QUANTITY

# the longest order, and more than anybody pays
MAX_POSITION, MAX_AMOUNT = 32_767, 10**15


class Item(serializers.Serializer[Any]):
    sku = serializers.CharField(max_length=64)
    quantity = serializers.IntegerField(default=1)
    # codes of the product's modifiers
    modifiers = serializers.ListField(
        child=serializers.CharField(max_length=40), max_length=MOST_CHOSEN, required=False
    )


class Items(serializers.Serializer[Any]):
    items = Item(many=True)


class Quantity(serializers.Serializer[Any]):
    quantity = serializers.IntegerField()


class CouponCode(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=40)


class Area(serializers.Serializer[Any]):
    country = serializers.CharField(max_length=2, default="", allow_blank=True)
    postal_code = serializers.CharField(max_length=20, default="", allow_blank=True)


class Cancellation(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=200, default="", allow_blank=True)


class RefundLine(serializers.Serializer[Any]):
    position = serializers.IntegerField(min_value=1, max_value=MAX_POSITION)
    quantity = serializers.IntegerField(min_value=1, max_value=MAX_QUANTITY)


class RefundBody(serializers.Serializer[Any]):
    amount = serializers.IntegerField(min_value=1, max_value=MAX_AMOUNT, required=False)
    lines = RefundLine(many=True, required=False, allow_empty=False)
    reason = serializers.CharField(max_length=200, default="", allow_blank=True)
    # the goods can be sold again
    puts_back = serializers.BooleanField(default=False)


class NextStep(serializers.Serializer[Any]):
    to = serializers.CharField(max_length=20)


@api_view(["GET", "DELETE"])
def basket(request: Request) -> Response:
    """The caller's basket; a guest is known by `X-Basket-Token`."""
    caller = caller_from_request(request)
    if request.method == "DELETE":
        baskets.clear(caller)
    named = BASKET_HEADER in request.headers and not caller.user_id
    return _basket(baskets.require(caller) if named else baskets.find(caller), caller)


@api_view(["POST", "PUT"])
def basket_items(request: Request) -> Response:
    """POST adds to a SKU, PUT replaces all lines by the list in `items`."""
    caller, now = caller_from_request(request), timezone.now()
    if request.method == "POST":
        return _basket(baskets.add(caller, **read_body(Item, request), now=now), caller)
    return _basket(baskets.replace(caller, **read_body(Items, request), now=now), caller)


@api_view(["PATCH", "DELETE"])
def basket_item(request: Request, line_id: int) -> Response:
    """Change the quantity of a line, or take the line out."""
    caller, now = caller_from_request(request), timezone.now()
    if request.method == "DELETE":
        return _basket(baskets.remove(caller, line_id=line_id, now=now), caller)
    wanted = read_body(Quantity, request)
    return _basket(baskets.set_quantity(caller, line_id=line_id, **wanted, now=now), caller)


@api_view(["POST"])
def basket_merge(request: Request) -> Response:
    """Put the guest's basket of `X-Basket-Token` into that of the user who has signed in."""
    caller = caller_from_request(request)
    if not caller.user_id:
        raise NotSignedIn(_("Sign in first: a guest has one basket only."))
    opened, capped = baskets.merge(caller, now=timezone.now())
    return _basket(opened, caller, capped)


def _basket(
    opened: baskets.OpenBasket | None, caller: Caller, told: Sequence[Mapping[str, str]] = ()
) -> Response:
    body = baskets.show(opened, locale=caller.locale, now=timezone.now(), messages=told)
    return Response(body, headers={BASKET_HEADER: body["token"]} if body["token"] else None)


@api_view(["POST", "DELETE"])
def basket_coupons(request: Request) -> Response:
    """POST puts a coupon into the basket, DELETE takes it out."""
    caller = caller_from_request(request)
    if request.method == "DELETE":
        baskets.remove_coupon(caller)
        return _basket(baskets.find(caller), caller)
    wanted = read_body(CouponCode, request)
    return _basket(baskets.apply_coupon(caller, **wanted, now=timezone.now()), caller)


@api_view(["GET"])
def delivery_options(request: Request) -> Response:
    """How the caller's basket can be delivered, to `?country=&postal_code=` if they are given."""
    area = Area(data=request.query_params)
    area.is_valid(raise_exception=True)
    offered = offers.deliveries(
        baskets.kinds(caller_from_request(request)),
        address=area.validated_data,
        now=timezone.now(),
        speed=settings.MUSEO_CLOCK_SPEED,
    )
    return Response({"results": offered})


@api_view(["POST"])
def place_order(request: Request) -> Response:
    """Buy the basket in one shot; `Idempotency-Key` makes a second try harmless."""
    answer = checkout.place_once(
        caller_from_request(request),
        read_object(request),
        key=_key(request),
        now=timezone.now(),
        speed=settings.MUSEO_CLOCK_SPEED,
    )
    return once_only(answer)


@api_view(["POST"])
def checkout_list(request: Request) -> Response:
    """Begin a checkout of the basket: its stock is held from now on."""
    caller = caller_from_request(request)
    return Response(checkouts.begin(caller, read_object(request), now=timezone.now()))


@api_view(["GET", "PUT"])
def checkout_detail(request: Request, checkout_id: str) -> Response:
    """PUT replaces the details, and takes over what is in the basket now."""
    caller = caller_from_request(request)
    if request.method == "GET":
        return Response(checkouts.show(caller, checkout_id))
    return Response(checkouts.update(caller, checkout_id, read_object(request), now=timezone.now()))


@api_view(["POST"])
def checkout_complete(request: Request, checkout_id: str) -> Response:
    """Pay it; `Idempotency-Key` makes a second try harmless."""
    answer = checkouts.complete_once(
        caller_from_request(request),
        checkout_id,
        read_object(request),
        key=_key(request),
        now=timezone.now(),
        speed=settings.MUSEO_CLOCK_SPEED,
    )
    return once_only(answer)


@api_view(["POST"])
def checkout_cancel(request: Request, checkout_id: str) -> Response:
    """Give the checkout up and its stock back."""
    return Response(checkouts.cancel(caller_from_request(request), checkout_id, now=timezone.now()))


def _key(request: Request) -> str:
    key = header(request, "Idempotency-Key")
    if not key:
        raise BadKey(_("Send an Idempotency-Key header, so that a second try does nothing twice."))
    return key


@api_view(["GET"])
def order_track(request: Request, number: str) -> Response:
    """How the order stands; `ETag` is its version, so an unchanged one is 304."""
    caller = caller_from_request(request)
    body = tracking.track(tracking.find(caller, number), locale=caller.locale, now=timezone.now())
    etag = f'"{body["version"]}-{caller.locale}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "private, no-cache",
        "Vary": "Accept-Language",
    }
    return tagged(request, body, headers)


@api_view(["POST"])
def order_advance(request: Request, number: str) -> Response:
    """Staff move an order to its next status, `to`."""
    caller, now = caller_from_request(request), timezone.now()
    order = services.advance(caller, number, **read_body(NextStep, request), now=now)
    return Response(tracking.track(order, locale=caller.locale, now=now))


@api_view(["POST"])
def order_cancel(request: Request, number: str) -> Response:
    """Cancel while that is possible; what was paid goes back."""
    caller, now = caller_from_request(request), timezone.now()
    order = adjustments.cancel(caller, number, **read_body(Cancellation, request), now=now)
    return Response(tracking.summary(order, locale=caller.locale, now=now))


@api_view(["POST"])
def order_reorder(request: Request, number: str) -> Response:
    """Put what the order had into the basket, as far as there is any; the answer is the basket."""
    caller = caller_from_request(request)
    opened, told = baskets.reorder(caller, number, now=timezone.now())
    return _basket(opened, caller, told)


@api_view(["POST"])
def order_refund(request: Request, number: str) -> Response:
    """Staff send money back: for units of lines, for an amount, or all that is left."""
    wanted = read_body(RefundBody, request)
    lines = wanted.pop("lines", None)
    return once_only(
        adjustments.refund_once(
            caller_from_request(request),
            number,
            key=_key(request),
            body=request.data,
            units=None if lines is None else units_of(lines),
            now=timezone.now(),
            **wanted,
        )
    )


def units_of(lines: Sequence[Mapping[str, int]]) -> dict[int, int]:
    """How many of each line, by its position."""
    units: dict[int, int] = {}
    for line in lines:
        units[line["position"]] = units.get(line["position"], 0) + line["quantity"]
    return units
