"""The inbox over REST: a shape only."""

from rest_framework.decorators import api_view
from rest_framework.request import Request

from museo.access.callers import caller_from_request
from museo.access.renderers import Response
from museo.access.rest import next_page, page_size, place
from notifications import inbox


@api_view(["GET"])
def notification_list(request: Request) -> Response:
    """What one was told, newest first, and how much of it is new."""
    caller = caller_from_request(request)
    before = place(request.query_params.get("cursor", ""))
    page = inbox.read(caller, before=before, limit=page_size(request))
    return Response(
        {
            "results": page.told(caller.locale),
            "next": next_page(request, str(page.before or "")),
            "unread": page.unread,
            "position": page.received,
        }
    )
