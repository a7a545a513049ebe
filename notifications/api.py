"""The log as JSON pages: what a stream brings, for those who ask."""

from typing import Any

from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from museo.access.callers import Caller, caller_from_request
from museo.access.rest import page_size
from notifications import log, topics
from notifications.envelope import render
from notifications.following import parse_cursor, readable, words


@api_view(["GET"])
def order_events(request: Request, number: str) -> Response:
    """The events of one order after `?after=`."""
    return Response(_page(request, {f"order.{number}"}))


@api_view(["GET"])
def events(request: Request) -> Response:
    """The events of `?topics=a,b`, those that the caller may read."""
    return Response(_page(request, words(request.query_params.get("topics", ""))))


def _page(request: Request, names: set[str]) -> dict[str, Any]:
    caller = caller_from_request(request)
    cursor = parse_cursor(request.query_params.get("after", ""))
    found = readable(caller, names)
    state = log.state()
    if cursor is not None and not cursor.is_known(state):
        return _reset(found, caller, state)
    after = cursor.position if cursor else 0
    rows = log.read(found, after=after, until=state.head, limit=page_size(request, default=100))
    position = rows[-1].position if rows else after
    return {
        "events": [render(event, caller.locale) for event in rows],
        "next": log.format_cursor(state.epoch, position),
        "epoch": state.epoch,
    }


def _reset(names: set[str], caller: Caller, state: log.State) -> dict[str, Any]:
    """For a cursor of another log: how things stand, and where to go on."""
    return {
        "type": "reset",
        "events": [],
        "snapshot": topics.snapshots(names, caller.locale),
        "next": log.format_cursor(state.epoch, state.head),
        "epoch": state.epoch,
    }
