"""The addresses that somebody keeps: to be filled in when they buy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from museo.access.models import User
from museo.access.problems import NotFound, Problem
from museo.access.tokens import as_name
from notifications.erasure import Person
from orders import recipients
from orders.details import ADDRESS_FIELDS, in_one_line, parse_recipient
from orders.models import Order, Place, PlaceQuerySet
from orders.recipients import Recipient

MOST = 20


class UnknownPlace(NotFound):
    code = "unknown_place"


class TooManyPlaces(Problem):
    status = 409
    code = "too_many_places"


def keep(user: User, body: Mapping[str, Any]) -> Place:
    """One more, last of all; raise Invalid and TooManyPlaces."""
    name, address = parse_recipient(body)
    with transaction.atomic():
        # one at a time
        User.objects.filter(pk=user.pk).update(locale=F("locale"))
        if user.places.count() >= MOST:
            raise TooManyPlaces(
                _("You have %(most)s addresses. Remove one first.") % {"most": MOST}
            )
        return Place.objects.create(user=user, name=name, address=address)


def change(user: User, public_id: str, body: Mapping[str, Any]) -> None:
    """Raise Invalid, and UnknownPlace of one that is not theirs."""
    name, address = parse_recipient(body)
    _require(_named(user, public_id).update(name=name, address=address))


def put_first(user: User, public_id: str, *, now: datetime) -> None:
    """Raise UnknownPlace."""
    _require(_named(user, public_id).update(chosen_at=now))


def remove(user: User, public_id: str) -> None:
    """Raise UnknownPlace."""
    _require(_named(user, public_id).delete()[0])


def find(user: User, public_id: str) -> Place:
    """Raise UnknownPlace."""
    place = _named(user, public_id).first()
    if place is None:
        raise _unknown()
    return place


def usual(user_id: int, *, chosen: str = "") -> Place | Recipient | None:
    """To whom and where they buy: what they chose of theirs, else the first, else as last time."""
    kept = {place.public_id: place for place in Place.objects.of(user_id)}
    if kept:
        return kept.get(chosen) or next(iter(kept.values()))
    return next(iter(recipients.of(Order.objects.filter(user_id=user_id))), None)


def shown(user: User) -> list[dict[str, str]]:
    """As a page lists them."""
    return [
        {"id": place.public_id, "name": place.name, "line": in_one_line(place.address)}
        for place in Place.objects.of(user.pk)
    ]


def told(user: User) -> list[dict[str, Any]]:
    """For the person to take along."""
    return [
        {"name": place.name, **{key: place.address.get(key, "") for key in ADDRESS_FIELDS}}
        for place in Place.objects.of(user.pk)
    ]


def erase(person: Person, _now: datetime) -> int:
    return int(person.user.places.all().delete()[0]) if person.user else 0


def _named(user: User, public_id: str) -> PlaceQuerySet:
    return Place.objects.of(user.pk).filter(public_id=as_name(public_id))


def _require(count: int) -> None:
    if not count:
        raise _unknown()


def _unknown() -> UnknownPlace:
    return UnknownPlace(_("There is no such address of yours."))
