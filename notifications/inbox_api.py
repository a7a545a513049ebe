"""The inbox over REST: a shape only."""

from django.utils.translation import gettext as _
from rest_framework.decorators import api_view
from rest_framework.request import Request

from museo.access.callers import caller_from_request
from museo.access.problems import BadCursor, field_error
from museo.access.renderers import Response
from museo.access.rest import next_page, page_size
from notifications import inbox


@api_view(["GET"])
def notification_list(request: Request) -> Response:
    """What one was told, newest first, and how much of it is new."""
    caller = caller_from_request(request)
    before = cursor(request.query_params.get("cursor", ""))
    page = inbox.read(caller, before=before, limit=page_size(request))
    return Response(
        {
            "results": page.told(caller.locale),
            "next": next_page(request, str(page.before or "")),
            "unread": page.unread,
            "position": page.received,
        }
    )


def cursor(text: str) -> int | None:
    """The position that a page ends before; raise BadCursor."""
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    detail = _("This cursor is not one of ours. Follow `next`, or leave it out.")
    raise BadCursor(detail, errors=[field_error("/cursor", "bad_cursor", detail)])
