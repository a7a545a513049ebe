"""What people wrote to the shop, as staff read it: who has opened a message is on the trail."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from museo.access import trail
from museo.access.callers import Caller
from museo.access.models import User
from museo.access.permissions import may
from museo.access.problems import NotFound
from notifications import contacts
from notifications.channels import news
from notifications.channels.news import Said
from notifications.envelope import timestamp
from notifications.models import InboundMessage

PERMISSION = "notifications.view_inboundmessage"


def read(caller: Caller, message: InboundMessage, *, now: datetime) -> Said:
    """What it says, for whoever may read it; raise NotFound for others."""
    if not may(caller, PERMISSION):
        raise NotFound("")
    trail.leave(caller, "message.read", message.public_id, at=now)
    return news.read(message)


def exported(user: User) -> list[dict[str, Any]]:
    """What a person wrote from addresses that are known to be theirs, oldest first."""
    known = contacts.known_of_person(user.pk)
    hashes = [news.sender_hash(channel, address) for channel, address in known]
    written = InboundMessage.objects.filter(sender_hash__in=hashes).order_by("received_at", "pk")
    return [
        {
            "channel": message.channel,
            "received_at": timestamp(message.received_at),
            **asdict(news.read(message)),
        }
        for message in written
    ]


def readers(message: InboundMessage) -> list[trail.Trace]:
    """Who has opened it, newest first."""
    return trail.of(message.public_id)
