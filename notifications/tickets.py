"""Stream tickets: signed, for a minute, they name topics and only open a stream.

A browser cannot send a header with EventSource or WebSocket; a ticket in the address does instead
of a secret that would open more, or longer.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core import signing
from django.utils.translation import gettext as _

from museo.access import connections
from museo.access.callers import Caller
from museo.access.models import ServiceAccount
from museo.access.problems import Problem
from notifications import following
from notifications.live.hub import in_thread

PREFIX = "st_"
VALID_FOR = timedelta(seconds=60)
SALT = "stream ticket"


class StaleTicket(Problem):
    status = 401
    code = "stale_ticket"


def issue(caller: Caller, names: Collection[str], *, now: datetime) -> tuple[str, datetime]:
    """A ticket for those topics that the caller may read, and when it ends; raise NotFound."""
    readable = sorted(following.readable(caller, names))
    ends_at = now + VALID_FOR
    claims = {
        "topics": readable,
        "who": caller.who or caller.granted_by,
        "ends": ends_at.timestamp(),
        # a stream of theirs ends with what they asked for it by
        "expires": caller.expires_at.timestamp() if caller.expires_at else None,
        **_asker(caller),
    }
    return PREFIX + signing.dumps(claims, salt=SALT, compress=True), ends_at


def admitted(caller: Caller, *, now: datetime) -> Caller:
    """The caller with the topics that the stream tickets open; raise StaleTicket.

    One that a program or an app has asked for opens nothing any more when that is let in no more.
    """
    for ticket in _stream_tickets(caller.tickets):
        claims = _claims(ticket)
        if claims is None or claims["ends"] < now.timestamp() or not _is_let_in(claims):
            raise StaleTicket(_("This stream ticket is no longer valid. Ask for a new one."))
        caller = replace(
            caller,
            granted=caller.granted | frozenset(claims["topics"]),
            granted_by=claims["who"],
            expires_at=_earlier(caller.expires_at, claims["expires"]),
        )
    return caller


async def admit(caller: Caller, *, now: datetime) -> Caller:
    """`admitted` beside an event loop: only for some tickets the database is asked."""
    claims = [_claims(ticket) or {} for ticket in _stream_tickets(caller.tickets)]
    if any("app" in each or "account" in each for each in claims):
        return await in_thread(admitted)(caller, now=now)
    return admitted(caller, now=now)


def _asker(caller: Caller) -> dict[str, Any]:
    """Whoever may be shut out while the ticket is out."""
    if caller.app:
        return {"app": caller.app.connection}
    if caller.token:
        token = caller.token
        return {"account": [token.account_id, token.key_prefix, token.jti]}
    return {}


def _is_let_in(claims: Mapping[str, Any]) -> bool:
    if "app" in claims:
        return connections.is_there(claims["app"])
    if "account" in claims:
        return ServiceAccount.objects.opened_as(*claims["account"]).exists()
    return True


def _earlier(ends_at: datetime | None, expires: float | None) -> datetime | None:
    ends = [ends_at] if ends_at else []
    if expires is not None:
        ends.append(datetime.fromtimestamp(expires, UTC))
    return min(ends, default=None)


def _stream_tickets(tickets: Iterable[str]) -> list[str]:
    return [ticket for ticket in tickets if ticket.startswith(PREFIX)]


def _claims(ticket: str) -> Mapping[str, Any] | None:
    """What the ticket says, None if we did not write it."""
    try:
        claims: Mapping[str, Any] = signing.loads(ticket.removeprefix(PREFIX), salt=SALT)
    except signing.BadSignature:
        return None
    return claims
