"""Whether the person of a session is still at it: asked before how they sign in is changed.

By their password. Who came in by a mailed link of late needs none: they may have forgotten it, or
never had one.
"""

from datetime import datetime, timedelta

from django.http import HttpRequest
from django.utils.translation import gettext as _

from museo.access import limits
from museo.access.models import User
from museo.access.problems import Invalid, field_error

LATELY = timedelta(minutes=10)
# in a session: when its person opened a link, in seconds since 1970
LINK_AT = "link_opened_at"


class WrongPassword(Invalid):
    code = "wrong_password"


def came_by_link(request: HttpRequest, *, now: datetime) -> None:
    request.session[LINK_AT] = now.timestamp()


def asks_password(request: HttpRequest, user: User, *, now: datetime) -> bool:
    return user.has_usable_password() and not _is_just_in(request, now)


def has_to_come_anew(request: HttpRequest, user: User, *, now: datetime) -> bool:
    """There is no password to ask for, and it was too long ago that they opened a link."""
    return not user.has_usable_password() and not _is_just_in(request, now)


def check_password(request: HttpRequest, user: User, typed: str, *, now: datetime) -> None:
    """Raise WrongPassword, or TooOften as if somebody tried to sign in with it."""
    address = request.META.get("REMOTE_ADDR", "")
    with limits.few_wrong(limits.of_passwords(address, user.email), now=now):
        if not user.check_password(typed):
            detail = _("This password is not right. Check it; capital letters matter.")
            raise WrongPassword(
                detail, errors=[field_error("/password", WrongPassword.code, detail)]
            )


def _is_just_in(request: HttpRequest, now: datetime) -> bool:
    at = request.session.get(LINK_AT)
    return at is not None and now.timestamp() - at < LATELY.total_seconds()
