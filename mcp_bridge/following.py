"""What sessions follow, kept in the database, so that a new session goes on where one has ended.

A session that says which one it takes the place of has what that one followed. One that does not
say has, if somebody is signed in, what sessions of theirs by the same program followed that have
ended with their process. Who may read is asked again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import Q

from mcp_bridge.models import FollowedResource
from museo.access.encryption import seal, unseal
from museo.access.tokens import digest

KEPT_FOR = timedelta(days=7)
LONGEST_URI = 2000


@dataclass(frozen=True)
class Session:
    """A session by its name without the process; whose it is, and which program speaks in it."""

    name: str
    process: str
    who: str
    client: str


def keep(session: Session, uris: Collection[str], *, now: datetime) -> None:
    """Note that a session follows these, for some days from now."""
    rows = [
        FollowedResource(
            session=digest(session.name),
            process=session.process,
            who=session.who,
            client=digest(session.client),
            uri_hash=digest(uri),
            sealed_uri=seal(uri),
            ends_at=now + KEPT_FOR,
        )
        for uri in uris
        if len(uri) <= LONGEST_URI
    ]
    FollowedResource.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["session", "uri_hash"],
        update_fields=["who", "ends_at"],
    )


def drop(name: str, uri: str) -> None:
    """A session follows this no longer."""
    FollowedResource.objects.filter(session=digest(name), uri_hash=digest(uri)).delete()


def end(name: str, who: str) -> None:
    """A session has ended as its client wanted: nobody takes its place."""
    FollowedResource.objects.filter(session=digest(name), who__in={"", who}).delete()


def before(session: Session, place_of: str, *, now: datetime) -> dict[str, str]:
    """The sessions whose place this one may take, as digests, and the processes they are of."""
    return dict(_before(session, place_of, now).values_list("session", "process"))


def take_over(
    session: Session, place_of: str, free: Collection[str], *, now: datetime
) -> list[str]:
    """What those of the sessions followed whose place is free; each is given away only once."""
    with transaction.atomic():
        rows = list(_before(session, place_of, now).filter(session__in=free).select_for_update())
        FollowedResource.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return sorted({unseal(row.sealed_uri) for row in rows})


def forget_ended(*, now: datetime) -> int:
    """Delete what is kept no longer; return how many."""
    return FollowedResource.objects.filter(ends_at__lte=now).delete()[0]


def _before(session: Session, place_of: str, now: datetime) -> models.QuerySet[FollowedResource]:
    """What other sessions followed whose place this one may take; `place_of` is the one it names.

    A guest's is opened by its name, another's by whoever it was.
    """
    before = Q(session=digest(place_of), who__in={"", session.who})
    if session.who:
        before |= Q(who=session.who, client=digest(session.client))
    rows = FollowedResource.objects.filter(before, ends_at__gt=now)
    return rows.exclude(session=digest(session.name)).order_by("pk")
