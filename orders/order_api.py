"""Orders after they were placed, over REST: shapes only, the rules are in the services."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request

from museo.access.bodies import OneOf
from museo.access.callers import Caller, caller_from_request
from museo.access.renderers import Response
from museo.access.rest import next_page, page_size, read_body, whole_number
from orders import amendments, delays, deliveries, lifecycle, lists, notes, returns, stats, tracking
from orders.api import RefundLine, units_of
from orders.details import ADDRESS_FIELDS
from orders.models import Order, Return

DAY_HOURS, MOST_HOURS = 24, 24 * 366


class Filters(serializers.Serializer[Any]):
    """Which orders of the list."""

    status = OneOf(lifecycle.STATUS_CHOICES, required=False)
    payment_status = OneOf(Order.PaymentStatus.choices, required=False)
    late = serializers.BooleanField(required=False)
    held = serializers.BooleanField(required=False)
    placed_after = serializers.DateTimeField(required=False)
    placed_before = serializers.DateTimeField(required=False)


class Address(serializers.Serializer[Any]):
    line1 = serializers.CharField(max_length=ADDRESS_FIELDS["line1"])
    city = serializers.CharField(max_length=ADDRESS_FIELDS["city"])
    postal_code = serializers.CharField(max_length=ADDRESS_FIELDS["postal_code"])
    country = serializers.CharField(max_length=ADDRESS_FIELDS["country"], required=False)


class Amendment(serializers.Serializer[Any]):
    address = Address(required=False)
    note = serializers.CharField(max_length=500, required=False, allow_blank=True)


class ReturnBody(serializers.Serializer[Any]):
    lines = RefundLine(many=True, allow_empty=False)
    reason = serializers.CharField(max_length=200, default="", allow_blank=True)


class Decision(serializers.Serializer[Any]):
    state = OneOf([Return.State.APPROVED, Return.State.RECEIVED, "refused"])
    answer = serializers.CharField(max_length=200, default="", allow_blank=True)
    # what was received can be sold again
    puts_back = serializers.BooleanField(default=True)


class Hold(serializers.Serializer[Any]):
    # false lets the clock of the order go on
    held = serializers.BooleanField(default=True)


class NewTime(serializers.Serializer[Any]):
    eta = serializers.DateTimeField()


class Failure(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=200, default="", allow_blank=True)


class NoteBody(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=1000)


@api_view(["GET"])
def order_list(request: Request) -> Response:
    """The caller's own orders, newest first; staff see all."""
    wanted = Filters(data=request.query_params.dict())
    wanted.is_valid(raise_exception=True)
    orders, further = lists.page(
        caller_from_request(request),
        wanted.validated_data,
        limit=page_size(request),
        cursor=request.query_params.get("cursor", ""),
    )
    results = [tracking.brief(order) for order in orders]
    return Response({"results": results, "next": next_page(request, further)})


@api_view(["GET", "PATCH"])
def order_detail(request: Request, number: str) -> Response:
    """PATCH changes the address or the note, while that is possible."""
    caller, now = caller_from_request(request), timezone.now()
    if request.method == "PATCH":
        amendments.amend(caller, number, **read_body(Amendment, request), now=now)
    return _detail(tracking.find(caller, number), caller)


def _detail(order: Order, caller: Caller) -> Response:
    return Response(tracking.seen_by(caller, order, now=timezone.now()))


@api_view(["GET", "POST"])
def order_returns(request: Request, number: str) -> Response:
    """The returns of an order; POST asks for one."""
    caller = caller_from_request(request)
    if request.method == "GET":
        return Response({"results": tracking.returns(tracking.find_to_act(caller, number))})
    wanted = read_body(ReturnBody, request)
    asked = returns.ask(
        caller,
        number,
        units=units_of(wanted["lines"]),
        reason=wanted["reason"],
        now=timezone.now(),
    )
    return Response(tracking.of_return(asked, asked.order.lines.all()), status=201)


# staff


@api_view(["POST"])
def return_decision(request: Request, number: str, return_id: str) -> Response:
    """Approve a return, refuse it, or say that the goods are here: they are paid back then."""
    decision = read_body(Decision, request)
    caller, now = caller_from_request(request), timezone.now()
    decided = returns.decide(caller, number, return_id, **decision, now=now)
    return Response(tracking.of_return(decided, decided.order.lines.all()))


@api_view(["POST"])
def order_hold(request: Request, number: str) -> Response:
    """Let the clock of an order stand still, or go on."""
    caller, now = caller_from_request(request), timezone.now()
    act = delays.hold if read_body(Hold, request)["held"] else delays.resume
    order = act(caller, number, now=now)
    return Response(tracking.track(order, locale=caller.locale, now=now))


@api_view(["POST"])
def order_eta(request: Request, number: str) -> Response:
    """Say when an order is expected now."""
    caller, now = caller_from_request(request), timezone.now()
    order = delays.revise(caller, number, **read_body(NewTime, request), now=now)
    return Response(tracking.track(order, locale=caller.locale, now=now))


@api_view(["POST"])
def order_fail(request: Request, number: str) -> Response:
    """Say that an order could not be delivered."""
    caller, now = caller_from_request(request), timezone.now()
    order = deliveries.fail(caller, number, **read_body(Failure, request), now=now)
    return Response(tracking.track(order, locale=caller.locale, now=now))


@api_view(["POST"])
def order_retry(request: Request, number: str) -> Response:
    """Begin anew with an order whose delivery failed."""
    caller, now = caller_from_request(request), timezone.now()
    order = deliveries.try_again(caller, number, now=now, speed=settings.MUSEO_CLOCK_SPEED)
    return Response(tracking.track(order, locale=caller.locale, now=now))


@api_view(["GET", "POST"])
def order_notes(request: Request, number: str) -> Response:
    """What staff should know of an order; POST adds to it."""
    caller = caller_from_request(request)
    if request.method == "GET":
        return Response({"results": notes.read(caller, number)})
    note = notes.add(caller, number, **read_body(NoteBody, request), now=timezone.now())
    return Response(notes.shape(note), status=201)


@api_view(["POST"])
def order_ticket(request: Request, number: str) -> Response:
    """A new link that opens an order, for a customer who has lost theirs."""
    ticket = tracking.new_ticket(caller_from_request(request), number, now=timezone.now())
    return Response({"ticket": ticket, "track_url": tracking.ticket_url(ticket)}, status=201)


@api_view(["GET"])
def shop_stats(request: Request) -> Response:
    """How the shop is doing: `?hours=` says of which orders, those of the last day without."""
    asked = whole_number(request, "hours")
    hours = DAY_HOURS if asked is None else max(1, min(asked, MOST_HOURS))
    caller, now = caller_from_request(request), timezone.now()
    return Response(stats.overview(caller, window=timedelta(hours=hours), now=now))
