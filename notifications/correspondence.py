"""What people wrote to the shop, as staff read it: who has opened a message is on the trail."""

from datetime import datetime

from museo.access import trail
from museo.access.callers import Caller
from museo.access.permissions import may
from museo.access.problems import NotFound
from notifications.channels import news
from notifications.channels.news import Said
from notifications.models import InboundMessage

PERMISSION = "notifications.view_inboundmessage"


def read(caller: Caller, message: InboundMessage, *, now: datetime) -> Said:
    """What it says, for whoever may read it; raise NotFound for others."""
    if not may(caller, PERMISSION):
        raise NotFound("")
    trail.leave(caller, "message.read", message.public_id, at=now)
    return news.read(message)


def readers(message: InboundMessage) -> list[trail.Trace]:
    """Who has opened it, newest first."""
    return trail.of(message.public_id)
