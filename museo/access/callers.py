"""Who calls, and what they brought along: session, order tickets, basket token."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language, get_supported_language_variant
from rest_framework.request import Request

from museo.access import context, scopes, second_factor
from museo.access.access_tokens import Claims
from museo.access.headers import header
from museo.access.tokens import digest

if TYPE_CHECKING:
    from museo.access.models import User

ANONYMOUS_SCOPES = frozenset({"shop:read", "basket:write", "checkout:write"})
USER_SCOPES = ANONYMOUS_SCOPES | {"orders:read", "orders:write", "events:read"}
STAFF_SCOPES = USER_SCOPES | {"products:write", "notify:send", "admin"}

BASKET_HEADER = "X-Basket-Token"
BASKET_COOKIE = "museo_basket"
TICKET_COOKIE = "museo_tickets"
# what a ticket begins with that only shows its order; its digest is of that, too
WATCHING = "watch_"
# a browser keeps the tickets of its last orders
KEPT_TICKETS = 10


@lru_cache(maxsize=1024)
def _hidden(address: str) -> str:
    """A name that only this shop can make of an address."""
    return salted_hmac("process topic", address).hexdigest()[:24]


@dataclass(frozen=True)
class App:
    """A person's agent: by which connection it calls, as which client, with which token."""

    connection: int
    client_id: str
    token_digest: str = field(repr=False)


@dataclass(frozen=True)
class Caller:
    """Nobody in particular, until told otherwise; services authorize by it, in their queries."""

    user_id: int | None = None
    is_staff: bool = False
    scopes: frozenset[str] = ANONYMOUS_SCOPES
    # as presented, each opens one order
    tickets: tuple[str, ...] = field(default=(), repr=False)
    basket_token: str = field(default="", repr=False)
    # topics that a stream ticket has opened, and who had asked for it
    granted: frozenset[str] = frozenset()
    granted_by: str = ""
    # whose the call is, so that it can be revoked: `user:42`, `service:7`; empty for guests
    who: str = ""
    # of a service account, what its token says
    token: Claims | None = field(default=None, repr=False)
    # what calls for a person, and does what that person allows it and no more
    app: App | None = None
    # when what was brought along ends, and with it a stream; None if nobody knows
    expires_at: datetime | None = None
    # the client's network address
    address: str = ""
    locale: str = settings.LANGUAGE_CODE
    sales_channel: str = "web"
    # in which conversation with the assistant it was said, by public id; empty for none
    conversation: str = ""

    def with_ticket(self, ticket: str | None) -> Caller:
        return replace(self, tickets=(*self.tickets, ticket)) if ticket else self

    @property
    def keys(self) -> tuple[str, ...]:
        """The tickets by which something can be done; by the others it is only seen."""
        return tuple(ticket for ticket in self.tickets if not ticket.startswith(WATCHING))

    def to_act(self) -> Caller:
        """Without the tickets that only let one watch."""
        return replace(self, tickets=self.keys)

    def by_tickets_alone(self) -> Caller:
        """With what the tickets open, and nothing that they may besides."""
        return replace(
            self,
            user_id=None,
            is_staff=False,
            token=None,
            app=None,
            scopes=self.scopes & ANONYMOUS_SCOPES,
        )

    def with_basket(self, token: str | None) -> Caller:
        return replace(self, basket_token=token) if token else self

    def speaking_for(self, bearer: Caller) -> Caller:
        """The bearer of a token, with what this caller brought along besides."""
        return replace(
            self,
            user_id=bearer.user_id,
            is_staff=bearer.is_staff,
            who=bearer.who,
            scopes=bearer.scopes,
            token=bearer.token,
            app=bearer.app,
            expires_at=bearer.expires_at,
        )

    @property
    def customer_id(self) -> int | None:
        """Whose orders are the caller's own; a person's agent needs a scope to see them, too."""
        return self.user_id if self.scopes & scopes.OF_TICKETS else None

    @property
    def identity(self) -> str:
        """Whose idempotency keys and agreements these are; a guest is known by the basket."""
        return self.speaker or f"guest:{digest(self.basket_token)}"

    @property
    def speaker(self) -> str:
        """Whose sessions and limits these are: a person's apps do not share theirs."""
        return f"{self.who}/{self.app.connection}" if self.app else self.who

    @property
    def process(self) -> str:
        """What the topic of their own processes is called: theirs, or their address's."""
        if self.who:
            return self.who.replace(":", "")
        return _hidden(self.address) if self.address else ""


def who_is(user_id: int) -> str:
    """What a person's streams, limits and receipts are kept under."""
    return f"user:{user_id}"


def caller_for_user(
    user: User | None,
    *,
    locale: str,
    tickets: tuple[str, ...] = (),
    basket_token: str = "",
    sales_channel: str = "web",
    address: str = "",
) -> Caller:
    """The caller that a person is, or a guest for None.

    Staff who lack the second factor that the shop asks for are customers.
    """
    guest = Caller(
        locale=locale,
        tickets=tickets,
        basket_token=basket_token,
        sales_channel=sales_channel,
        address=address,
    )
    if user is None or not user.is_active:
        return guest
    is_staff = user.is_staff and not second_factor.is_lacking(user)
    return replace(
        guest,
        user_id=user.pk,
        who=who_is(user.pk),
        is_staff=is_staff,
        scopes=STAFF_SCOPES if is_staff else USER_SCOPES,
    )


def caller_from_request(request: HttpRequest | Request) -> Caller:
    """Token or session, then the tickets and the basket token of header, query and cookie."""
    user = request.user if request.user.is_authenticated else None
    caller = caller_for_user(
        user,
        locale=get_language() or settings.LANGUAGE_CODE,
        tickets=presented_tickets(
            query=request.GET.get("ticket", ""),
            authorization=header(request, "Authorization"),
            cookie=request.COOKIES.get(TICKET_COOKIE, ""),
        ),
        basket_token=header(request, BASKET_HEADER) or request.COOKIES.get(BASKET_COOKIE, ""),
        address=request.META.get("REMOTE_ADDR", ""),
    )
    bearer = getattr(request, "auth", None)
    if isinstance(bearer, Caller):
        caller = caller.speaking_for(bearer)
    context.is_called_by(caller.who)
    return caller


def presented_tickets(*, query: str, authorization: str, cookie: str) -> tuple[str, ...]:
    """Every order ticket that came with a call, however it came."""
    scheme, _, value = authorization.partition(" ")
    from_header = value.strip() if scheme.lower() == "ticket" else ""
    return tuple(ticket for ticket in (query, from_header, *cookie.split(".")) if ticket)


def cookie_with_ticket(cookie: str, ticket: str) -> str:
    """The tickets' cookie with one more in front."""
    others = [kept for kept in cookie.split(".") if kept and kept != ticket]
    return ".".join([ticket, *others][:KEPT_TICKETS])


def supported_locale(asked: str, default: str = settings.LANGUAGE_CODE) -> str:
    """The shop's language nearest to `asked` (a code such as `de-AT`)."""
    try:
        return get_supported_language_variant(asked.lower())
    except (LookupError, ValueError):  # no such language, or far too long
        return default
