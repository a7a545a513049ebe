"""Somebody who leaves: their account names nobody any more, and what they did stays.

Not the last who owns the shop: nobody could give others their roles any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from museo.access import idempotency, second_factor
from museo.access.callers import who_is
from museo.access.models import SignInLink, User
from museo.access.problems import Problem
from museo.access.roles import OWNER

# no address ever ends so (RFC 2606, section 2)
NOWHERE = "erased.invalid"


class LastOwner(Problem):
    """Nobody else owns the shop."""

    status = 409
    code = "last_owner"


@contextmanager
def keeping_an_owner() -> Iterator[None]:
    """Around what may take an owner away, within a change; raise LastOwner if none is left then."""
    owners = next((each for each in _owners() if _hold(each)), None)
    yield
    if owners is not None and not owners.exists():
        raise LastOwner(
            _(
                "Nobody would own the shop any more. Make somebody else an owner first: in the"
                " admin, by the superuser status."
            )
        )


def has_owner() -> bool:
    """Whether anybody owns the shop."""
    return any(owners.exists() for owners in _owners())


def _owners() -> list[QuerySet[User]]:
    """Who can give others their roles; where nobody can, who has the role."""
    staff = User.objects.filter(is_active=True, is_staff=True)
    return [staff.filter(is_superuser=True), staff.filter(groups__name=OWNER)]


def _hold(owners: QuerySet[User]) -> bool:
    """Two who take one another away wait for each other here; whether there is anybody."""
    return bool(owners.select_for_update(of=("self",), no_key=True).order_by("pk"))


def forget(user: User) -> None:
    """Nobody signs in with it again; sessions, apps and the rights of staff end with that."""
    second_factor.end(user)
    idempotency.forget_of(who_is(user.pk))
    SignInLink.objects.filter(email__iexact=user.email).delete()
    user.groups.clear()
    user.user_permissions.clear()
    user.email = f"{user.pk}@{NOWHERE}"
    user.first_name = user.last_name = user.locale = user.time_zone = ""
    user.is_active = user.is_staff = user.is_superuser = False
    user.set_unusable_password()
    user.save()
    edits = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(User))
    edits.filter(object_id=str(user.pk)).update(object_repr=str(user))
