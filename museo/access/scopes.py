"""Scopes: what a token was given for, and what that lets its bearer do.

A scope opens routes of the REST API (`ROUTES`) and tools of MCP, and stands for permissions of
the shop (`PERMISSIONS`). What neither table names is closed to bearers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

SHOP_READ = "shop:read"
BASKET_WRITE = "basket:write"
CHECKOUT_WRITE = "checkout:write"
ORDERS_READ = "orders:read"
ORDERS_WRITE = "orders:write"
PRODUCTS_WRITE = "products:write"
NOTIFY_SEND = "notify:send"
EVENTS_READ = "events:read"
ADMIN = "admin"

# scope → permissions, as patterns; those about people and access are in none
PERMISSIONS: dict[str, tuple[str, ...]] = {
    SHOP_READ: (),
    BASKET_WRITE: (),
    CHECKOUT_WRITE: (),
    ORDERS_READ: ("orders.view_order",),
    ORDERS_WRITE: ("orders.view_order", "orders.change_order"),
    PRODUCTS_WRITE: ("catalog.*",),
    NOTIFY_SEND: (),
    EVENTS_READ: ("notifications.view_event", "access.view_heartbeat"),
    ADMIN: ("catalog.*", "orders.*", "notifications.*", "access.view_heartbeat"),
}
SCOPES = tuple(PERMISSIONS)

# what an order ticket is as good as, for its order
OF_TICKETS = frozenset({ORDERS_READ, ORDERS_WRITE})
# a call of REST that takes no scope: what it does is open to all, or asks by other means
FREE = ""
# the beginning of a route under /api/v1/ → the scope to read, the scope to write; the first counts
ROUTES: tuple[tuple[str, str, str], ...] = (
    ("auth/", FREE, FREE),
    ("catalog/", SHOP_READ, SHOP_READ),
    ("search", SHOP_READ, SHOP_READ),
    ("basket", BASKET_WRITE, BASKET_WRITE),
    ("checkouts", CHECKOUT_WRITE, CHECKOUT_WRITE),
    ("orders/checkout", CHECKOUT_WRITE, CHECKOUT_WRITE),
    ("orders", ORDERS_READ, ORDERS_WRITE),
    ("payment/webhooks/", FREE, FREE),
    ("payment/", SHOP_READ, BASKET_WRITE),
    ("admin/orders", ORDERS_WRITE, ORDERS_WRITE),
    ("admin/products", PRODUCTS_WRITE, PRODUCTS_WRITE),
    ("admin/imports", PRODUCTS_WRITE, PRODUCTS_WRITE),
    ("admin/exports", PRODUCTS_WRITE, PRODUCTS_WRITE),
    ("admin/stock", PRODUCTS_WRITE, PRODUCTS_WRITE),
    ("admin/", ADMIN, ADMIN),
    # providers sign what they tell
    ("channels/", FREE, FREE),
    # each topic asks for itself whether the caller may read it
    ("events", FREE, FREE),
    ("notifications", FREE, FREE),
    ("preferences", ORDERS_READ, ORDERS_READ),
    # a browser is known by its address
    ("subscriptions/moved", FREE, FREE),
    ("subscriptions", ORDERS_READ, ORDERS_READ),
    ("deliveries", ORDERS_READ, ORDERS_READ),
    ("assistant", SHOP_READ, SHOP_READ),
)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def of_route(route: str, method: str) -> str | None:
    """The scope that a route takes, `FREE` for none; None if it is closed to bearers."""
    for beginning, to_read, to_write in ROUTES:
        if route.startswith(beginning):
            return to_read if method in SAFE_METHODS else to_write
    return None


def allow(scopes: Collection[str], permission: str) -> bool:
    """Whether one of the scopes stands for the permission."""
    patterns = (pattern for scope in scopes for pattern in PERMISSIONS.get(scope, ()))
    return any(fnmatchcase(permission, pattern) for pattern in patterns)


def unknown(scopes: Iterable[str]) -> list[str]:
    return sorted(set(scopes) - set(SCOPES))
