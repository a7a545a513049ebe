"""Who is let in where: a row for each method of each route, pages and REST alike.

A caller is let in if the answer is no 401, 403, 404 or 405 and no way to a sign-in page. `to` names
those who are; all others get `others`, but for those whom `but` names. For a row of REST that takes
a scope, a service account `with` it is let in, and one `without` it gets 403.

A new route needs a row here, and for REST a beginning in `museo.access.scopes.ROUTES`. What its
address has in angle brackets is filled in by `tests.access.world`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from museo.access import scopes
from notifications.schema import BROWSER

# who calls: nobody in particular; another customer; who bought; who has the order's ticket;
# the roles of staff; service accounts
PEOPLE = ("guest", "stranger", "buyer", "ticket", "owner", "catalogue", "fulfillment", "support")
PROGRAMS = ("with", "without")

ALL = " ".join(PEOPLE)
SIGNED_IN = "stranger buyer owner catalogue fulfillment support"
STAFF = "owner catalogue fulfillment support"
OF_CATALOGUE = "owner catalogue"
OF_ORDERS = "owner fulfillment support"
WHO_SEE_THE_ORDER = f"buyer ticket {OF_ORDERS}"
# they see the order, but may not do this
SEE_ONLY = {"buyer": 403, "ticket": 403}

# nobody's account is a guest's
SIGN_IN_FIRST = {"guest": 302, "ticket": 302}

# a program has the scope, and what is asked for is not its own
NOT_THEIRS = {"with": 404}

# staff who do not say what the shop is
NOT_THE_OWNER = {"catalogue": 403, "fulfillment": 403, "support": 403}

# a token is not looked at: a page, or the same for everybody
OPEN = None


@dataclass(frozen=True)
class Row:
    method: str
    route: str
    to: str = ALL
    scope: str | None = OPEN
    others: int = 404
    but: Mapping[str, int] = field(default_factory=dict)
    body: Any = None
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} /{self.route}"

    @property
    def is_rest(self) -> bool:
        return self.route.startswith("api/v1/")

    def expected(self) -> dict[str, str | int]:
        people = {who: "in" if who in self.to.split() else self.others for who in PEOPLE}
        return {**people, **self._of_programs(), **self.but}

    def _of_programs(self) -> dict[str, str | int]:
        if self.scope is OPEN:
            return {}
        return {"with": "in", "without": "in" if self.scope == scopes.FREE else 403}


def rest(method: str, route: str, scope: str | None, to: str = ALL, **more: Any) -> Row:
    return Row(method, f"api/v1/{route}", to, scope, **more)


def of_staff(method: str, route: str, body: Any) -> Row:
    """What staff do with an order; its customers see it, and may not."""
    whole = f"admin/orders/<str:number>/{route}"
    return rest(method, whole, "orders:write", OF_ORDERS, but=SEE_ONLY, body=body)


# staff who have nothing to do with orders
NO_ORDERS = {"catalogue": 403}
# who looks after receivers names one, and there is none
NO_HOOK = {"owner": 404, "support": 404, "fulfillment": 403, "catalogue": 403}
HOLD = {"act": "hold"}

KEY = {"Idempotency-Key": "k"}
HOOK = {"webhook_url": "https://192.0.32.8/orders"}
WISH = {"topic": "broadcast.all", "address": "https://192.0.32.8/all"}
BACK = {"lines": [{"position": 1, "quantity": 1}]}

ROWS = [
    # pages
    Row("GET", ""),
    Row("GET", "p/<str:slug>"),
    Row("POST", "p/<str:slug>/questions", body={"question": "Why?"}),
    Row("POST", "p/<str:slug>/back", body={"sku": "LAMP", "email": "guest@example.org"}),
    Row("POST", "p/<str:slug>/reviews", SIGNED_IN, others=401, body={"rating": "5"}),
    Row("GET", "basket"),
    Row("POST", "basket/add", body={"sku": "LAMP"}),
    Row("POST", "basket/lines/<int:line_id>", body={"quantity": "2"}),
    Row("POST", "basket/coupon", body={"code": "NONE"}),
    Row("GET", "checkout"),
    Row("POST", "checkout", body={}),
    Row("GET", "pay/<str:payment_id>"),
    Row("POST", "pay/<str:payment_id>", body={}),
    Row("GET", "pay/link/<str:link_token>"),
    Row("POST", "pay/link/<str:link_token>", body={}),
    Row("GET", "orders"),
    Row("GET", "orders/<str:number>", WHO_SEE_THE_ORDER),
    Row("POST", "orders/<str:number>/cancel", WHO_SEE_THE_ORDER, body={}),
    Row("POST", "orders/<str:number>/reorder", WHO_SEE_THE_ORDER, body={}),
    Row("POST", "orders/<str:number>/amend", WHO_SEE_THE_ORDER, body={"note": "Ring"}),
    Row("POST", "orders/<str:number>/return", WHO_SEE_THE_ORDER, body={"quantity-1": "1"}),
    Row("GET", "orders/<str:number>/receipt", WHO_SEE_THE_ORDER),
    Row("POST", "orders/<str:number>/notify", WHO_SEE_THE_ORDER, body={"channel": "email"}),
    Row("POST", "orders/<str:number>/share", WHO_SEE_THE_ORDER, body={}),
    Row("GET", "t/<str:token>"),
    Row("GET", "about"),
    Row("GET", "delivery"),
    Row("GET", "returns"),
    Row("GET", "privacy"),
    Row("GET", "contact"),
    Row("GET", "manifest.webmanifest"),
    Row("GET", "robots.txt"),
    Row("GET", "sitemap.xml"),
    Row("GET", "stop/<str:signed>"),
    Row("POST", "stop/<str:signed>", body={}),
    Row("GET", "login"),
    Row("POST", "login", body={}),
    Row("POST", "login/link", body={}),
    Row("GET", "login/link/<str:token>"),
    Row("POST", "login/link/<str:token>", body={}),
    # who waits for no code is sent on, or to the password
    Row("GET", "login/code", SIGNED_IN, others=302),
    Row("POST", "login/code", SIGNED_IN, others=302, body={}),
    # customers are told that it is for staff
    Row("GET", "admin/login/", to=f"guest ticket {STAFF}", others=403),
    Row("POST", "admin/login/", body={}),
    Row("POST", "logout", body={}),
    Row("POST", "language", body={}),
    Row("GET", "notifications", SIGNED_IN, others=302),
    Row("POST", "notifications", SIGNED_IN, others=302, body={"position": "0"}),
    Row("GET", "account", SIGNED_IN, others=302),
    Row("GET", "account/places", SIGNED_IN, others=302),
    Row("POST", "account/places", SIGNED_IN, others=302, body={}),
    Row("GET", "account/places/<str:place_id>", "buyer", but=SIGN_IN_FIRST),
    Row("POST", "account/places/<str:place_id>", "buyer", but=SIGN_IN_FIRST, body={}),
    Row("GET", "account/data", SIGNED_IN, others=302),
    Row("GET", "account/password", SIGNED_IN, others=302),
    Row("POST", "account/password", SIGNED_IN, others=302, body={}),
    Row("GET", "account/second-factor", SIGNED_IN, others=302),
    Row("POST", "account/second-factor", SIGNED_IN, others=302, body={}),
    # there is none until the page has shown a key
    Row("GET", "account/second-factor/picture", ""),
    Row("GET", "account/notifications", SIGNED_IN, others=302),
    Row("POST", "account/notifications", SIGNED_IN, others=302, body={}),
    # a client asks a person; what it asks here is nothing
    Row("GET", "oauth/authorize", SIGNED_IN, others=302),
    Row("POST", "oauth/authorize", SIGNED_IN, others=302, body={}),
    Row("POST", "oauth/token", body={}),
    Row("POST", "oauth/revoke", to="", others=401, body={"token": "t"}),
    Row("POST", "oauth/register"),
    Row("GET", "account/apps", SIGNED_IN, others=302),
    Row("POST", "account/apps/<int:connection_id>/disconnect", SIGNED_IN, others=302, body={}),
    Row("GET", ".well-known/oauth-authorization-server"),
    Row("GET", ".well-known/oauth-protected-resource/<path:path>"),
    Row("GET", "service-worker.js"),
    Row("POST", "account/addresses", SIGNED_IN, others=302, body={}),
    Row("POST", "account/addresses/<str:address_id>/confirm", SIGNED_IN, others=302, body={}),
    Row("POST", "account/addresses/<str:address_id>/remove", SIGNED_IN, others=302, body={}),
    Row("GET", "admin/", STAFF, others=302),
    Row("GET", "admin/first-run", "owner", others=302, but=NOT_THE_OWNER),
    Row("GET", "ask"),
    Row("POST", "ask", body={"message": "Where is my order?"}),
    Row("GET", "ask/turns/<str:message_id>"),
    Row("POST", "ask/turns/<str:message_id>/stop", body={}),
    Row("GET", "admin/assistant", STAFF, others=302),
    Row("POST", "admin/assistant", STAFF, others=302, body={"message": "Which orders are late?"}),
    Row("GET", "admin/assistant/figures", OF_ORDERS, others=302, but=NO_ORDERS),
    Row("GET", "admin/board", OF_ORDERS, others=302, but=NO_ORDERS),
    Row("GET", "admin/board/changes", OF_ORDERS, others=302, but=NO_ORDERS),
    Row("GET", "admin/board/figures", OF_ORDERS, others=302, but=NO_ORDERS),
    Row("GET", "admin/board/<str:number>", OF_ORDERS, others=302, but=NO_ORDERS),
    Row("POST", "admin/board/<str:number>", OF_ORDERS, others=302, but=NO_ORDERS, body=HOLD),
    Row("GET", "admin/health", OF_ORDERS, others=302, but=NO_ORDERS),
    Row("POST", "admin/health", "", others=302, but=NO_HOOK, body={"act": "pause"}),
    Row("POST", "admin/first-run/<int:step>", "owner", others=302, but=NOT_THE_OWNER, body={}),
    # machines
    Row("GET", "healthz"),
    Row("GET", "readyz"),
    Row("GET", "health"),
    Row("GET", "metrics", STAFF),
    Row("GET", "openapi.json"),
    Row("GET", "asyncapi.json"),
    Row("GET", "docs"),
    # no route, and no file
    Row("GET", "^api/", to=""),
    Row("GET", "^media/(?P<path>.+)$", to=""),
    # the catalogue
    rest("GET", "catalog/products", OPEN),
    rest("GET", "catalog/products/<str:key>", OPEN),
    rest("GET", "catalog/categories", OPEN),
    rest("GET", "catalog/products/<str:key>/questions", OPEN),
    rest("POST", "catalog/products/<str:key>/questions", "shop:read", body={"question": "Why?"}),
    rest("GET", "catalog/products/<str:key>/reviews", OPEN),
    rest(
        "POST",
        "catalog/products/<str:key>/reviews",
        "shop:read",
        SIGNED_IN,
        others=401,
        but={"with": 401},
        body={"rating": 5},
    ),
    # the catalogue, for staff
    rest(
        "GET",
        "admin/products/masters",
        "products:write",
        STAFF,
        others=401,
        but={"stranger": 403, "buyer": 403},
    ),
    rest(
        "POST",
        "admin/products/masters",
        "products:write",
        OF_CATALOGUE,
        others=403,
        but={"guest": 401, "ticket": 401},
        body={},
    ),
    rest(
        "GET",
        "admin/products/masters/<str:product_id>",
        "products:write",
        STAFF,
        others=401,
        but={"stranger": 403, "buyer": 403},
    ),
    *(
        rest(
            method,
            f"admin/products/masters/<str:product_id>{further}",
            "products:write",
            OF_CATALOGUE,
            others=403,
            but={"guest": 401, "ticket": 401},
            body={},
            headers={"If-Match": "*"},
        )
        for method, further in (("PUT", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/restore"))
    ),
    rest(
        "GET",
        "admin/stock",
        "products:write",
        STAFF,
        others=401,
        but={"stranger": 403, "buyer": 403},
    ),
    rest(
        "PUT",
        "admin/stock",
        "products:write",
        "owner catalogue fulfillment",
        others=403,
        but={"guest": 401, "ticket": 401},
        body={"items": []},
    ),
    rest("GET", "search", OPEN),
    rest("GET", "search/suggest", OPEN),
    # the basket
    rest("GET", "basket", "basket:write"),
    rest("DELETE", "basket", "basket:write"),
    rest("POST", "basket/merge", "basket:write", SIGNED_IN, others=401, but={"with": 401}, body={}),
    rest("POST", "basket/items", "basket:write", body={"sku": "LAMP", "quantity": 1}),
    rest("PUT", "basket/items", "basket:write", body={"items": []}),
    rest("PATCH", "basket/items/<int:line_id>", "basket:write", body={"quantity": 2}),
    rest("DELETE", "basket/items/<int:line_id>", "basket:write"),
    rest("GET", "basket/delivery-options", "basket:write"),
    rest("POST", "basket/coupons", "basket:write", body={"code": "NONE"}),
    rest("DELETE", "basket/coupons", "basket:write"),
    # payments: whoever has a link pays, and who sees its order closes it
    rest("GET", "payment/providers", "shop:read"),
    rest("POST", "basket/payment-link", "basket:write", body={}),
    rest(
        "POST",
        "payment/links",
        "basket:write",
        to="",
        but={"with": 404},
        body={"order_id": "ORD-NONE"},
    ),
    rest("GET", "payment/links/<str:link_token>", "shop:read"),
    rest(
        "DELETE",
        "payment/links/<str:link_token>",
        "basket:write",
        WHO_SEE_THE_ORDER,
        but={"with": 404},
    ),
    rest("POST", "payment/webhooks/<str:provider>", "", body={}),
    # a checkout is its basket's
    rest("POST", "checkouts", "checkout:write", body={}),
    rest("GET", "checkouts/<str:checkout_id>", "checkout:write"),
    rest("PUT", "checkouts/<str:checkout_id>", "checkout:write", body={}),
    rest("POST", "checkouts/<str:checkout_id>/complete", "checkout:write", body={}, headers=KEY),
    rest("POST", "checkouts/<str:checkout_id>/cancel", "checkout:write"),
    # orders
    rest("POST", "orders/checkout", "checkout:write", body={}),
    rest("GET", "orders", "orders:read"),
    rest("GET", "orders/<str:number>", "orders:read", WHO_SEE_THE_ORDER),
    rest("GET", "orders/<str:number>/track", "orders:read", WHO_SEE_THE_ORDER),
    rest("GET", "orders/<str:number>/events", "orders:read", WHO_SEE_THE_ORDER),
    rest("POST", "orders/<str:number>/cancel", "orders:write", WHO_SEE_THE_ORDER, body={}),
    rest("POST", "orders/<str:number>/reorder", "orders:write", WHO_SEE_THE_ORDER, body={}),
    rest("PATCH", "orders/<str:number>", "orders:write", WHO_SEE_THE_ORDER, body={"note": "Ring"}),
    rest("GET", "orders/<str:number>/returns", "orders:read", WHO_SEE_THE_ORDER),
    rest("POST", "orders/<str:number>/returns", "orders:write", WHO_SEE_THE_ORDER, body=BACK),
    rest("GET", "orders/<str:number>/webhook", "orders:read", WHO_SEE_THE_ORDER),
    rest("POST", "orders/<str:number>/webhook", "orders:write", WHO_SEE_THE_ORDER, body=HOOK),
    rest("DELETE", "orders/<str:number>/webhook", "orders:write", WHO_SEE_THE_ORDER),
    of_staff("POST", "hold", {"held": True}),
    of_staff("POST", "eta", {"eta": "2100-01-01T00:00:00Z"}),
    of_staff("POST", "fail", {}),
    of_staff("POST", "retry", {}),
    of_staff("POST", "mark-paid", {}),
    of_staff("POST", "notes", {"text": "Rang twice."}),
    of_staff("GET", "notes", None),
    of_staff("POST", "ticket", {}),
    of_staff("POST", "returns/<str:return_id>", {"state": "approved"}),
    rest("GET", "admin/stats", "admin", OF_ORDERS, others=403),
    rest(
        "POST",
        "admin/orders/<str:number>/advance",
        "orders:write",
        OF_ORDERS,
        but=SEE_ONLY,
        body={"to": "confirmed"},
    ),
    rest(
        "POST",
        "admin/orders/<str:number>/refund",
        "orders:write",
        OF_ORDERS,
        but=SEE_ONLY,
        body={"amount": 100},
        headers=KEY,
    ),
    # products by file
    rest("GET", "admin/imports", "products:write", OF_CATALOGUE, others=403),
    rest("POST", "admin/imports", "products:write", OF_CATALOGUE, others=403),
    rest("GET", "admin/imports/<str:public_id>", "products:write", OF_CATALOGUE),
    rest("GET", "admin/imports/<str:public_id>/rows", "products:write", OF_CATALOGUE),
    rest("GET", "admin/imports/<str:public_id>/refused", "products:write", OF_CATALOGUE),
    rest("POST", "admin/imports/<str:public_id>/check", "products:write", OF_CATALOGUE, body={}),
    rest("POST", "admin/imports/<str:public_id>/run", "products:write", OF_CATALOGUE),
    rest("POST", "admin/imports/<str:public_id>/cancel", "products:write", OF_CATALOGUE),
    rest("POST", "admin/imports/<str:public_id>/undo", "products:write", OF_CATALOGUE),
    rest("GET", "admin/exports", "products:write", STAFF, others=403),
    # being told
    rest("GET", "events", "", query="topics=broadcast.all"),
    rest("POST", "assistant/messages", "shop:read", body={"message": "Where is my order?"}),
    rest("GET", "assistant/messages/<str:message_id>", "shop:read", but=NOT_THEIRS),
    rest("POST", "assistant/messages/<str:message_id>/stop", "shop:read", body={}, but=NOT_THEIRS),
    rest("GET", "assistant/conversations/<str:conversation_id>", "shop:read", but=NOT_THEIRS),
    rest("DELETE", "assistant/conversations/<str:conversation_id>", "shop:read", but=NOT_THEIRS),
    rest("POST", "events/tickets", "", body={"topics": ["broadcast.all"]}),
    rest("GET", "notifications", "", SIGNED_IN, others=401, but={"with": 401, "without": 401}),
    rest("POST", "notifications/ack", "", body={"position": 0}),
    rest("GET", "preferences", "orders:read"),
    rest("PUT", "preferences", "orders:read", SIGNED_IN, others=401, but={"with": 401}, body={}),
    # what providers tell; none is configured, and nobody is turned away for who they are
    rest("POST", "channels/twilio/status", ""),
    rest("POST", "channels/twilio/messages", ""),
    rest("GET", "channels/meta", ""),
    rest("POST", "channels/meta", "", body={}),
    rest("POST", "channels/mail/tracking", "", body={}),
    rest("POST", "channels/mail/inbound", "", body={}),
    rest("GET", "subscriptions", "orders:read"),
    rest("POST", "subscriptions", "orders:read", SIGNED_IN, others=401, body=WISH),
    rest("POST", "subscriptions/moved", "", body={"before": "{}", "after": BROWSER}),
    *(
        rest(
            method,
            f"subscriptions/<str:subscription_id>{further}",
            "orders:read",
            SIGNED_IN,
            but=NOT_THEIRS,
            body=body,
        )
        for method, further, body in (
            ("GET", "", None),
            ("PATCH", "", {"types": []}),
            ("DELETE", "", None),
            ("POST", "/pause", None),
            ("POST", "/resume", None),
            ("POST", "/confirm", {"code": "123456"}),
            ("POST", "/test", None),
            ("POST", "/replay", {"after": 0}),
        )
    ),
    rest("GET", "deliveries", "orders:read"),
    rest(
        "POST",
        "deliveries/<str:delivery_id>/resend",
        "orders:read",
        SIGNED_IN,
        but=NOT_THEIRS,
    ),
    # tokens, for who has the keys
    rest("POST", "auth/token", OPEN, to="", others=401, body={"api_key": "k", "api_secret": "s"}),
    rest("POST", "auth/refresh", OPEN, to="", others=401, body={"refresh_token": "t"}),
    rest("POST", "auth/revoke", OPEN, body={"token": "t"}),
]
