"""Who is let in where over MCP: a row for each tool, resource, card, event and prompt.

A caller is let in unless the answer is 401, 403 or 404, or, for what is no tool, an error. `to`
names the people who are. A program `with` the row's scope and no other is let in; one `without` it
and with every other scope gets `without`.

Cards are for everybody; events are as their scope says. A new tool, resource, event or prompt needs
a row here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mcp_bridge import cards

# nobody in particular; another customer; who bought; who has the order's ticket; roles of staff
PEOPLE = ("guest", "stranger", "buyer", "ticket", "owner", "catalogue", "fulfillment", "support")
ALL = " ".join(PEOPLE)
SIGNED_IN = "stranger buyer owner catalogue fulfillment support"
STAFF = "owner catalogue fulfillment support"
OF_CATALOGUE = "owner catalogue"
OF_ORDERS = "owner fulfillment support"
OF_MESSAGES = "owner support"
WHO_SEE_THE_ORDER = f"buyer ticket {OF_ORDERS}"
IN = "in"

# in them `{order}`, `{ticket}`, `{product}`, `{basket}` and `{once}` are filled in
Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    name: str
    arguments: Arguments = field(default_factory=dict)
    to: str = ALL
    scope: str = ""
    without: str | int = 403
    others: int = 404
    but: Mapping[str, str | int] = field(default_factory=dict)

    def expected(self) -> dict[str, str | int]:
        people: dict[str, str | int] = {
            who: IN if who in self.to.split() else self.others for who in PEOPLE
        }
        programs = {"with": IN, "without": self.without} if self.scope else {}
        return {**people, **programs, **self.but}


ORDER = {"order_id": "{order}", "ticket": "{ticket}"}
BUYER = {
    "email": "maya@example.org",
    "name": "Maya Okafor",
    "address": {
        "line1": "Museum Street 1",
        "city": "Helsinki",
        "postal_code": "00130",
        "country": "FI",
    },
}
BOWL = {
    "category": "phones",
    "translations": {"en": {"name": "Bowl"}},
    "variants": [{"sku": "BOWL-{once}"}],
}
# customers have the scope, and guests have not; none of them may
NOT_CUSTOMERS = {"guest": 403, "stranger": 403, "buyer": 403, "ticket": 403}
MINE = {"action": "read"}
PRODUCT = {"product": "{product}"}
STEP = {"order_id": "{order}", "to": "confirmed"}


def of_staff(
    name: str, scope: str, people: str, arguments: Arguments | None = None, *, others: int = 403
) -> Row:
    return Row(name, arguments or {}, people, scope, others=others, but=NOT_CUSTOMERS)


TOOLS = [
    Row("search_products", {"query": ""}, scope="shop:read"),
    Row("get_product_info", {"product": "{product}"}, scope="shop:read"),
    Row("answer_question", {"question": "Why?"}, scope="shop:read"),
    Row("analyze_intent", {"message": "red mugs"}, scope="shop:read"),
    Row("validate_mapping", {"intent": "help", "entities": {}}, scope="shop:read"),
    Row("get_suggestions", {"text": "Where"}, scope="shop:read"),
    Row("add_to_basket", {"sku": "IPHONE-15-128-BLACK"}, scope="basket:write"),
    Row("get_basket", {"basket_token": "{basket}"}, scope="basket:write"),
    Row("get_payment_link", {"basket_token": "{basket}"}, scope="basket:write"),
    Row("place_order", {**BUYER, "basket_token": "{basket}"}, scope="checkout:write"),
    Row("track_order", ORDER, WHO_SEE_THE_ORDER, "orders:read"),
    Row("cancel_order", ORDER, WHO_SEE_THE_ORDER, "orders:write"),
    Row("subscribe_order_updates", ORDER, WHO_SEE_THE_ORDER, "orders:read"),
    Row(
        "replay_events",
        {"after": 0, "topics": ["order.{order}"], "ticket": "{ticket}"},
        WHO_SEE_THE_ORDER,
        "orders:read",
        # other scopes stand for the permission, too
        without=IN,
    ),
    Row(
        "get_recent_events",
        {"topics": ["order.{order}"], "ticket": "{ticket}"},
        WHO_SEE_THE_ORDER,
        "orders:read",
        without=IN,
    ),
    Row("acknowledge_events", {"position": 0}),
    Row("get_realtime_stats", scope="shop:read"),
    Row("connection_status", scope="shop:read"),
    Row("simulate_progress", {"task_name": "Files"}, scope="basket:write"),
    Row("send_notification", {"message": "Hi"}, STAFF, "notify:send", others=403),
    Row("manage_user_subscriptions", MINE, SIGNED_IN, "orders:read", others=403),
    Row(
        "subscribe_to_email_changes",
        {},
        SIGNED_IN,
        "events:read",
        others=403,
    ),
    of_staff("monitor_ai_analysis", "events:read", OF_MESSAGES),
    of_staff("send_email", "notify:send", STAFF, {"to": "{once}@example.org", "text": "Hi"}),
    # no provider is configured, and nobody is turned away for who they are
    of_staff("send_sms", "notify:send", STAFF, {"to": "+358401234567", "text": "Hi"}),
    of_staff("send_whatsapp", "notify:send", STAFF, {"to": "+358401234567", "text": "Hi"}),
    of_staff("create_product", "products:write", OF_CATALOGUE, BOWL),
    of_staff("update_product", "products:write", OF_CATALOGUE, PRODUCT),
    of_staff("delete_product", "products:write", OF_CATALOGUE, PRODUCT),
    of_staff("create_from_file", "products:write", OF_CATALOGUE, {"file": "c2t1LG5hbWUKQSxBCg=="}),
    of_staff("list_products", "products:write", STAFF),
    of_staff("list_orders", "orders:write", STAFF),
    of_staff("advance_order", "orders:write", OF_ORDERS, STEP, others=404),
]
EVENTS = [
    *(
        Row(name, ORDER, WHO_SEE_THE_ORDER, "orders:read")
        for name in ("order.status_changed", "order.eta_changed", "payment.updated")
    ),
    # it takes an account to be told of what has no ticket
    Row(
        "product.back_in_stock", {"sku": "IPHONE-15-128-BLACK"}, SIGNED_IN, "shop:read", others=403
    ),
]
RESOURCES = [
    Row("museo://orders/{order}", {}, f"buyer {OF_ORDERS}", "orders:read", without=IN),
    Row("museo://orders/{order}?ticket={ticket}", {}, WHO_SEE_THE_ORDER, "orders:read", without=IN),
    # people have one basket and no token for it
    Row("museo://basket/{basket}", {}, "guest ticket", "basket:write", without=404),
    Row("museo://products/{product}", {}, scope="shop:read", without=404),
    Row(
        "museo://live-feed?topics=order.{order}&ticket={ticket}",
        {},
        WHO_SEE_THE_ORDER,
        "orders:read",
        without=IN,
    ),
    # everybody has some; what they show is in test_resources
    Row("museo://live-feed"),
    Row("museo://me/orders"),
    Row("museo://realtime-stats", scope="shop:read", without=404),
    Row("museo://user-subscriptions", {}, SIGNED_IN, "orders:read", without=404),
    Row("museo://ai-monitoring", {}, OF_MESSAGES, "events:read", without=404),
]
# they hold nothing of anybody
CARDS = [Row(uri) for uri in cards.BY_URI]
PROMPTS = [
    Row("order_something", {"wish": "a bowl"}, scope="checkout:write", without=404),
    Row("where_is_my_order", {"order_id": "ORD-1"}),
    Row("daily_report", {}, OF_ORDERS, "orders:write", without=404),
]
