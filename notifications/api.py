"""The log as JSON pages: what a stream brings, for those who ask."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request

from museo.access.callers import caller_from_request
from museo.access.renderers import Response
from museo.access.rest import page_size, read_body, whole_number
from notifications import history, receipts, tickets
from notifications.envelope import timestamp
from notifications.following import words


@api_view(["GET"])
def order_events(request: Request, number: str) -> Response:
    """The events of one order after `?after=`."""
    return Response(_page(request, {f"order.{number}"}))


@api_view(["GET"])
def events(request: Request) -> Response:
    """The events of `?topics=a,b`, those that the caller may read."""
    return Response(_page(request, words(request.query_params.get("topics", ""))))


class Topics(serializers.Serializer):  # type: ignore[type-arg]
    topics = serializers.ListField(child=serializers.CharField(max_length=100), min_length=1)


@api_view(["POST"])
def stream_ticket(request: Request) -> Response:
    """A ticket that opens a stream of these topics within a minute."""
    caller, now = caller_from_request(request), timezone.now()
    ticket, ends_at = tickets.issue(caller, set(read_body(Topics, request)["topics"]), now=now)
    return Response({"ticket": ticket, "expires_at": timestamp(ends_at)}, status=201)


class Acknowledgement(serializers.Serializer):  # type: ignore[type-arg]
    position = serializers.IntegerField(min_value=0)


@api_view(["POST"])
def acknowledge(request: Request) -> Response:
    """All up to the position was received; the receipt only moves forward."""
    position = read_body(Acknowledgement, request)["position"]
    caller = caller_from_request(request)
    return Response({"position": receipts.acknowledge(caller, position, now=timezone.now())})


def _page(request: Request, names: set[str]) -> dict[str, Any]:
    caller = tickets.admitted(caller_from_request(request), now=timezone.now())
    after = request.query_params.get("after", "")
    # who waits has waited before the page is made; here it is only looked at
    whole_number(request, "wait")
    return history.page(caller, names, after=after, limit=page_size(request, default=100))
