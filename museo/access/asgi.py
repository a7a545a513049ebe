"""The caller behind an ASGI scope: what `callers.caller_from_request` is for a request."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, QueryDict, parse_cookie
from django.utils import timezone
from django.utils.translation import trans_real

from museo.access import access_tokens, context, sessions
from museo.access.bearers import bearer_token, caller_from_bearer
from museo.access.callers import (
    BASKET_COOKIE,
    TICKET_COOKIE,
    Caller,
    caller_for_user,
    presented_tickets,
    supported_locale,
)

Scope = Mapping[str, Any]
# an extension of the scope, which the edge adds
SERVERS_OWN_SEND = "museo.send"
# a browser can send its token with a WebSocket as a subprotocol only
BEARER_SUBPROTOCOL = "bearer."


def header(scope: Scope, name: str) -> str:
    """A header's value; empty without it."""
    wanted = _as_given(name)
    for given, value in scope["headers"]:
        # ASGI has them in small letters
        if given == wanted:
            return str(value.decode("latin-1"))
    return ""


@cache
def _as_given(name: str) -> bytes:
    return name.lower().encode()


def query(scope: Scope) -> QueryDict:
    return QueryDict(scope.get("query_string", b""))


def address(scope: Scope) -> str:
    """The client's network address; the edge has looked behind trusted proxies."""
    host, _port = scope.get("client") or ("", 0)
    return str(host)


def servers_own_send(scope: Scope) -> Any:
    """The `send` of an HTTP connection behind the edge, which only has to do with headers."""
    return scope["extensions"][SERVERS_OWN_SEND]


async def caller_from_scope(scope: Scope) -> Caller:
    """Token or session, tickets and basket token of a stream or a WebSocket; raise InvalidToken."""
    cookies = parse_cookie(header(scope, "cookie"))
    if token := presented_token(scope):
        bearer = await database_sync_to_async(caller_from_bearer, thread_sensitive=False)(
            token, access_tokens.resources(), now=timezone.now()
        )
        context.is_called_by(bearer.who)
        return _caller(scope, cookies, None).speaking_for(bearer)
    key = cookies.get(settings.SESSION_COOKIE_NAME, "")
    # a guest costs no query, and no thread
    user = await database_sync_to_async(_user, thread_sensitive=False)(key) if key else None
    caller = _caller(scope, cookies, user)
    context.is_called_by(caller.who)
    return caller


def presented_token(scope: Scope) -> str:
    """The access token of header, subprotocol or query; empty without one."""
    return (
        bearer_token(header(scope, "authorization"))
        or (bearer_subprotocol(scope) or "").removeprefix(BEARER_SUBPROTOCOL)
        or query(scope).get("token", "")
    )


def bearer_subprotocol(scope: Scope) -> str | None:
    """`bearer.<token>`: what a client offers that sends its token so must be taken up."""
    offered = scope.get("subprotocols") or ()
    return next((name for name in offered if name.startswith(BEARER_SUBPROTOCOL)), None)


def _caller(scope: Scope, cookies: Mapping[str, str], user: Any) -> Caller:
    asked = query(scope)
    return caller_for_user(
        user,
        locale=_locale(asked.get("locale", ""), user, cookies, header(scope, "accept-language")),
        tickets=presented_tickets(
            query=asked.get("ticket", ""),
            authorization=header(scope, "authorization"),
            cookie=cookies.get(TICKET_COOKIE, ""),
        ),
        basket_token=cookies.get(BASKET_COOKIE, ""),
        address=address(scope),
    )


def _user(session_key: str) -> Any:
    """The user of a session; None for a guest, and for who is not wholly signed in."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = sessions.person(request)
    return None if isinstance(user, AnonymousUser) else user


def _locale(asked: str, user: Any, cookies: Mapping[str, str], accepted: str) -> str:
    """`?locale=`, the user's, the page's, the browser's, the shop's: the first that is spoken."""
    wishes = [asked, user.locale if user else "", cookies.get(settings.LANGUAGE_COOKIE_NAME, "")]
    wishes += [code for code, _weight in trans_real.parse_accept_lang_header(accepted)]
    spoken = (supported_locale(wish, "") for wish in wishes if wish)
    return next((locale for locale in spoken if locale), settings.LANGUAGE_CODE)
