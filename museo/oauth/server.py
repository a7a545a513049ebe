"""django-oauth-toolkit's server, made by the first request that needs it; oddities are refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

import redis
from django.http import HttpRequest
from django.utils.translation import gettext as _

from museo.access.problems import Problem


class BadRequest(Problem):
    """No request of OAuth at all: nobody is sent anywhere with it."""

    code = "invalid_request"


class Unavailable(Problem):
    status = 503
    code = "temporarily_unavailable"


@cache
def core() -> Any:
    return import_module("oauth2_provider.oauth2_backends").get_oauthlib_core()


@contextmanager
def reading(request: HttpRequest) -> Iterator[Any]:
    """The server, for a request that it can read; raise BadRequest for one that it cannot."""
    values = [*request.GET.lists(), *request.POST.lists()]
    if any("\0" in value for name, given in values for value in (name, *given)):
        raise bad_request()
    try:
        yield core()
    except ValueError as error:
        raise bad_request() from error
    except redis.RedisError as error:
        # the library remembers there which documents were bad
        raise Unavailable(_("Something went wrong in the shop. Try again in a moment.")) from error


def bad_request() -> BadRequest:
    return BadRequest(_("This request cannot be read. Go back to the app and start again."))
