"""Somebody who leaves: their account names nobody any more, and what they did stays."""

from __future__ import annotations

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType

from museo.access import idempotency, second_factor
from museo.access.callers import who_is
from museo.access.models import SignInLink, User

# no address ever ends so (RFC 2606, section 2)
NOWHERE = "erased.invalid"


def forget(user: User) -> None:
    """Nobody signs in with it again; sessions, apps and the rights of staff end with that."""
    second_factor.end(user)
    idempotency.forget_of(who_is(user))
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
