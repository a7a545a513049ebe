"""One call of a tool: who calls, when, in which language, and how to tell of progress."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol

from django.conf import settings
from django.utils import timezone
from django.utils.translation.trans_real import parse_accept_lang_header
from starlette.requests import Request
from starlette.types import Scope

from museo.access import access_tokens, bearers
from museo.access.asgi import address, header, query
from museo.access.bearers import caller_from_bearer
from museo.access.callers import (
    BASKET_HEADER,
    Caller,
    caller_for_user,
    presented_tickets,
    supported_locale,
)
from notifications.live.hub import in_thread

SALES_CHANNEL = "mcp"


class Progress(Protocol):
    def __call__(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> Awaitable[None]: ...


@dataclass(frozen=True)
class Call:
    """`is_pushed`: this session gets updates by itself; others listen for them.

    `can_ask`: its client shows questions to a person.
    """

    caller: Caller
    now: datetime
    progress: Progress
    is_pushed: bool
    can_ask: bool = False
    # raises InvalidToken if who calls may not any more
    recheck: Callable[[datetime], None] = lambda _now: None

    @property
    def locale(self) -> str:
        return self.caller.locale

    @property
    def delivery(self) -> str:
        """How updates come: on the `session`'s stream, or to who calls subscriptions/`listen`."""
        return "session" if self.is_pushed else "listen"

    async def later(self) -> Call:
        """The same call some minutes later; raise InvalidToken if its token has ended meanwhile."""
        now = timezone.now()
        await in_thread(self.recheck)(now)
        return replace(self, now=now)


def caller_of(request: Request | None) -> Caller:
    """Who sends an HTTP request; a guest where there is none, as on a pipe."""
    if request is None:
        return caller_for_user(None, locale=settings.LANGUAGE_CODE, sales_channel=SALES_CHANNEL)
    scope = request.scope
    guest = _guest(_preferred(header(scope, "accept-language")), address(scope))
    tickets, basket_token = _tickets(scope), header(scope, BASKET_HEADER)
    if tickets or basket_token:
        guest = replace(guest, tickets=tickets, basket_token=basket_token)
    if bearer := scope.get(BEARER_KEY):
        return guest.speaking_for(bearer)
    return replace(guest, scopes=guest.scopes | {"notify:send"}) if _is_trial(scope) else guest


@lru_cache(maxsize=1024)
def _guest(locale: str, address: str) -> Caller:
    """One who has brought nothing along: the same in all of their calls."""
    return caller_for_user(None, locale=locale, sales_channel=SALES_CHANNEL, address=address)


def _tickets(scope: Scope) -> tuple[str, ...]:
    authorization, asked = header(scope, "authorization"), scope["query_string"]
    if not authorization and not asked:
        return ()
    ticket = query(scope).get("ticket", "") if asked else ""
    return presented_tickets(query=ticket, authorization=authorization, cookie="")


def recheck(request: Request | None, now: datetime) -> None:
    """Raise InvalidToken if the request came with a token that is good no more."""
    if request and (came_as := request.scope.get(BEARER_KEY)):
        bearers.again(came_as, now=now)


def _is_trial(scope: Scope) -> bool:
    """Somebody tries the shop out on their own machine: without a proxy, with MUSEO_DEBUG."""
    if not settings.DEBUG or header(scope, "x-forwarded-for"):
        return False
    return address(scope) in {"127.0.0.1", "::1"}


def _preferred(accepted: str) -> str:
    """The shop's language that a client likes best."""
    for code, _quality in parse_accept_lang_header(accepted[:500]):
        if found := supported_locale(code, default=""):
            return found
    return settings.LANGUAGE_CODE


# where the transport notes the toolset in the ASGI scope, and whoever a token speaks for
TOOLSET_KEY = "museo.toolset"
BEARER_KEY = "museo.bearer"


async def bearer(token: str, path: str = "/mcp") -> Caller | None:
    """Whoever a token speaks for now that is brought to an address, None without one.

    Raises InvalidToken.
    """
    if not token:
        return None
    resources = access_tokens.resources_at(path)
    return await in_thread(caller_from_bearer)(token, resources, now=timezone.now())


def toolset_of(request: Any) -> str:
    """The toolset that an address names; empty for all, and where there is no address."""
    return str(request.scope.get(TOOLSET_KEY, "")) if request is not None else ""
