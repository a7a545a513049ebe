"""What tokens of people's agents are for: `/mcp`, and each address below it.

A token is for one of them; one for `/mcp` opens those below it, too.
"""

from __future__ import annotations

from django.conf import settings

from museo.access import access_tokens, scopes
from museo.access.callers import USER_SCOPES
from museo.access.scopes import SCOPES

# an address below /mcp → the scopes that its tools take; a test holds them against the tools
BELOW: dict[str, frozenset[str]] = {
    "storefront": USER_SCOPES - {scopes.EVENTS_READ},
    "admin": frozenset({scopes.PRODUCTS_WRITE, scopes.ORDERS_WRITE}),
    "notifications": frozenset({scopes.NOTIFY_SEND}),
    "intent": frozenset({scopes.SHOP_READ}),
    "realtime": frozenset(
        {
            scopes.SHOP_READ,
            scopes.BASKET_WRITE,
            scopes.ORDERS_READ,
            scopes.EVENTS_READ,
            scopes.NOTIFY_SEND,
        }
    ),
    # all tools, for who has signed in
    "me": frozenset(SCOPES),
}


def scopes_of(resource: str) -> list[str] | None:
    """The scopes that one can use there; None for what is no resource."""
    whole = access_tokens.mcp_resource()
    if resource == whole:
        return list(SCOPES)
    below = BELOW.get(resource.removeprefix(f"{whole}/")) if resource.startswith(whole) else None
    return None if below is None else sorted(below, key=SCOPES.index)


def named(path: str) -> str:
    """The resource at a path of the shop."""
    return f"{settings.MUSEO_PUBLIC_URL}/{path.strip('/')}"
