"""All intents: what each is called, which tool answers it, and what must be known for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_noop

# what nobody understands is this
UNKNOWN = "unknown"
# which argument of a tool an entity is
Arguments = Mapping[str, str]


@dataclass(frozen=True)
class Intent:
    """`needs` are entities without which the tool cannot be called; `tool` is empty for small talk.

    `asks` is whether its tool asks for a yes before anything is done that cannot be taken back.
    """

    name: str
    title: str
    tool: str = ""
    needs: tuple[str, ...] = ()
    arguments: Arguments | None = None
    is_for_staff: bool = False
    asks: bool = False


ORDER = {"order_number": "order_id"}

SHOPPERS = (
    Intent(
        "search_products",
        gettext_noop("Find products"),
        "search_products",
        ("query",),
        {"query": "query"},
    ),
    Intent(
        "product_details",
        gettext_noop("Show a product"),
        "get_product_info",
        ("product",),
        {"product": "product"},
    ),
    Intent(
        "check_availability",
        gettext_noop("See whether a product is in stock"),
        "get_product_info",
        ("product",),
        {"product": "product"},
    ),
    Intent(
        "add_to_basket",
        gettext_noop("Put a product into the basket"),
        "add_to_basket",
        ("product",),
        {"product": "sku", "quantity": "quantity"},
    ),
    Intent("show_basket", gettext_noop("Show the basket"), "get_basket"),
    Intent("place_order", gettext_noop("Place the order"), "place_order", ("email",), asks=True),
    Intent(
        "track_order",
        gettext_noop("Say how an order stands"),
        "track_order",
        ("order_number",),
        ORDER,
    ),
    Intent(
        "cancel_order",
        gettext_noop("Cancel an order"),
        "cancel_order",
        ("order_number",),
        ORDER,
        asks=True,
    ),
    Intent("return_order", gettext_noop("Send goods back"), "", ("order_number",)),
    Intent(
        "ask_question",
        gettext_noop("Answer a question"),
        "answer_question",
        (),
        {"question": "question"},
    ),
    Intent("greeting", gettext_noop("Greet")),
    Intent("help", gettext_noop("Say what I can do")),
)
STAFF = (
    Intent(
        "create_product",
        gettext_noop("Create a product"),
        "create_product",
        ("product", "price"),
        is_for_staff=True,
    ),
    Intent(
        "update_product",
        gettext_noop("Change a product"),
        "update_product",
        ("product",),
        {"product": "product"},
        is_for_staff=True,
    ),
    Intent(
        "change_price",
        gettext_noop("Change a price"),
        "update_product",
        ("product", "price"),
        {"product": "product"},
        is_for_staff=True,
    ),
    Intent(
        "change_stock",
        gettext_noop("Change how many there are"),
        "update_product",
        ("product", "quantity"),
        {"product": "product"},
        is_for_staff=True,
    ),
    Intent("list_products", gettext_noop("List the products"), "list_products", is_for_staff=True),
    Intent(
        "delete_product",
        gettext_noop("Delete a product"),
        "delete_product",
        ("product",),
        {"product": "product"},
        is_for_staff=True,
        asks=True,
    ),
    Intent(
        "import_products",
        gettext_noop("Create products from a file"),
        "create_from_file",
        ("file",),
        is_for_staff=True,
    ),
    Intent("list_orders", gettext_noop("List the orders"), "list_orders", is_for_staff=True),
    Intent("show_statistics", gettext_noop("Show the statistics"), is_for_staff=True),
)
ALL: Mapping[str, Intent] = {each.name: each for each in (*SHOPPERS, *STAFF)}

# what is asked of a person when it is missing
QUESTIONS = {
    "product": gettext_noop("Which product is it about?"),
    "query": gettext_noop("What are you looking for?"),
    "quantity": gettext_noop("How many?"),
    "price": gettext_noop("What does it cost?"),
    "order_number": gettext_noop("What is the order's number?"),
    "email": gettext_noop("What is your e-mail address?"),
    "file": gettext_noop("Which file?"),
}


def arguments(intent: Intent, entities: Mapping[str, Any]) -> dict[str, Any]:
    """Those of its tool, as far as they are known. A product is still called as it was written."""
    named = intent.arguments or {}
    return {named[name]: value for name, value in entities.items() if name in named}


def missing(intent: Intent, entities: Mapping[str, Any]) -> list[str]:
    """The entities that it needs and nobody has said."""
    return [name for name in intent.needs if entities.get(name) in (None, "")]
