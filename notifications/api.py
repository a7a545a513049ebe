"""The log as JSON pages: what a stream brings, for those who ask."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from museo.access.callers import Caller, caller_from_request
from museo.access.problems import BadCursor, NotFound, field_error
from museo.access.rest import page_size
from notifications import log, topics
from notifications.envelope import render


@api_view(["GET"])
def order_events(request: Request, number: str) -> Response:
    """The events of one order after `?after=`."""
    return Response(_page(request, {f"order.{number}"}))


@api_view(["GET"])
def events(request: Request) -> Response:
    """The events of `?topics=a,b`, those that the caller may read."""
    listed = request.query_params.get("topics", "")
    return Response(_page(request, {name for name in listed.split(",") if name}))


def _page(request: Request, names: set[str]) -> dict[str, Any]:
    caller = caller_from_request(request)
    found = topics.readable(caller, names)
    if not found:
        raise NotFound(
            _("There is nothing to follow here, or you may not see it. Check topic and ticket.")
        )
    state = log.state()
    cursor = _cursor(request.query_params.get("after", ""))
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


def _cursor(text: str) -> log.Cursor | None:
    try:
        return log.Cursor.parse(text) if text else None
    except log.BadCursor as error:
        detail = _("This is no cursor. Send `next` of the last page, or leave it out.")
        raise BadCursor(detail, errors=[field_error("/after", "bad_cursor", detail)]) from error
