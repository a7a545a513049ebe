"""Who a session is: whoever has a second factor is nobody until they have shown it.

What Django has signed in by a password or a link is half of it. The session remembers which factor
was shown, so that one that is turned on, off or anew asks again in all other browsers.
"""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils.functional import SimpleLazyObject

from museo.access import second_factor
from museo.access.models import SecondFactor, User

# in a session: which factor was shown
SHOWN = "second_factor"


class Accounts(ModelBackend):
    """The people of this shop, each read with their second factor."""

    def get_user(self, user_id: Any) -> User | None:
        user = User.objects.select_related("second_factor").filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None


class Authentication(AuthenticationMiddleware):
    """`request.user` is who is wholly signed in."""

    def process_request(self, request: HttpRequest) -> None:
        request.user = cast(Any, SimpleLazyObject(partial(person, request)))
        request.auser = cast(Any, partial(_person_for_async, request))


def person(request: HttpRequest) -> User | AnonymousUser:
    """Who is wholly signed in, or nobody."""
    if request.session.is_empty():
        # as if it had been looked into: whoever brings one is answered otherwise
        request.session.accessed = True
        return AnonymousUser()
    user = get_user(request)
    if isinstance(user, AnonymousUser) or _is_half(user, request):
        return AnonymousUser()
    return user


async def _person_for_async(request: HttpRequest) -> User | AnonymousUser:
    return await sync_to_async(person)(request)


def half(request: HttpRequest) -> User | None:
    """Who has said their password or opened their link, and nothing more yet."""
    user = get_user(request)
    return user if isinstance(user, User) and _is_half(user, request) else None


def complete(request: HttpRequest, factor: SecondFactor) -> None:
    """The factor was shown: from now on, under another name, the session is its person."""
    request.session[SHOWN] = factor.pk
    request.session.cycle_key()
    rotate_token(request)
    request.user = cast(Any, person(request))


def _is_half(user: User, request: HttpRequest) -> bool:
    factor = second_factor.of(user)
    if factor is None:
        return second_factor.is_lacking(user)
    return bool(request.session.get(SHOWN) != factor.pk)
