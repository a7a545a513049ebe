"""Cards: what a chat shows of an order or of products, as MCP Apps 2026-01-26 have it.

A card is one HTML document without anything from elsewhere. The chat shows it in a frame, gives it
what a tool has answered, and calls tools for it. Its texts are in all languages of the shop: which
one it speaks, the chat says. A client without cards has the tool's text as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import mcp_types as types
import orjson
from django.conf import settings
from django.utils.translation import get_language_info, gettext, override
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID

from orders.lifecycle import BY_CUSTOMERS, CANCELLED, STATUSES, text_key

WIDGETS = Path(__file__).parent / "widgets"
EXTENSION = {EXTENSION_ID: {"mimeTypes": [APP_MIME_TYPE]}}
ORDER, PRODUCTS = "ui://widget/order.html", "ui://widget/products.html"
# what the first clients know it as
FOOD_ORDERING = "ui://widget/food-ordering.html"


@dataclass(frozen=True)
class Card:
    uri: str
    title: str
    description: str
    # the parts of its document, in widgets/
    page: str
    script: str
    texts: Callable[[], dict[str, Any]]
    has_pictures: bool = False

    @property
    def meta(self) -> dict[str, Any]:
        """What the frame may load: nothing, or pictures of the shop. Then the same for ChatGPT."""
        pictures = [settings.MUSEO_PUBLIC_URL] if self.has_pictures else []
        return {
            "ui": {
                "csp": {"connectDomains": [], "resourceDomains": pictures},
                "prefersBorder": True,
            },
            "openai/widgetDescription": self.description,
            "openai/widgetPrefersBorder": True,
            "openai/widgetCSP": {"connect_domains": [], "resource_domains": pictures},
        }

    def listed(self) -> types.Resource:
        return types.Resource(
            uri=self.uri,
            name=Path(self.page).stem + "_card",
            title=self.title,
            description=self.description,
            mime_type=APP_MIME_TYPE,
            _meta=self.meta,
        )

    def read(self, uri: str) -> types.TextResourceContents:
        return types.TextResourceContents(
            uri=uri, mime_type=APP_MIME_TYPE, text=_document(self), _meta=self.meta
        )


def find(uri: str) -> Card | None:
    return BY_URI.get(uri)


def listed() -> list[types.Resource]:
    return [card.listed() for card in CARDS]


def shows(uri: str, **more: Any) -> dict[str, Any]:
    """What a tool's `_meta` says if a card shows what it answers; older clients know older keys."""
    return {
        "ui": {"resourceUri": uri},
        "ui/resourceUri": uri,
        "openai/outputTemplate": uri,
        "openai/widgetAccessible": True,
        **more,
    }


# what a card calls by itself, and shows nothing of
CALLED_BY_CARDS = {"openai/widgetAccessible": True}


@cache
def _document(card: Card) -> str:
    """The page with all its parts in it."""
    parts = {
        "card.css": _part("card.css"),
        "host.js": _part("host.js"),
        card.script: _part(card.script),
        "texts": _texts(card),
    }
    document = _part(card.page)
    for name, part in parts.items():
        document = document.replace(f"{{{{ {name} }}}}", part)
    return document


def _part(name: str) -> str:
    return (WIDGETS / name).read_text(encoding="utf-8")


def _texts(card: Card) -> str:
    """All languages, and what the shop says of itself, as JSON that ends no script."""
    told = {
        "shop": {
            "url": settings.MUSEO_PUBLIC_URL,
            "cancellable": sorted(BY_CUSTOMERS[CANCELLED]),
        },
        "languages": {code: _in_language(card, code) for code, _name in settings.LANGUAGES},
    }
    return orjson.dumps(told).decode().replace("<", "\\u003c")


def _in_language(card: Card, code: str) -> dict[str, Any]:
    direction = "rtl" if get_language_info(code)["bidi"] else "ltr"
    with override(code):
        unreachable = gettext("The shop could not be asked. Try again in a moment.")
        return {"dir": direction, "unreachable": unreachable, **card.texts()}


def _of_orders() -> dict[str, Any]:
    statuses = {
        status: {kind: gettext(text_key(status, kind)) for kind in ("label", "message")}
        for status in STATUSES
    }
    return {
        "statuses": statuses,
        "loading": gettext("Looking for your order …"),
        "withdrawn": gettext("The question was withdrawn."),
        "order_title": gettext("Your order"),
        "number": gettext("Order {number}"),
        "expected": gettext("expected at {time}"),
        "minutes": gettext("{minutes} min"),
        "soon": gettext("Any moment"),
        "late": gettext("later than promised"),
        "progress": gettext("Progress"),
        "open": gettext("Open the order's page"),
        "cancel": gettext("Cancel the order"),
        "cancel_question": gettext("Cancel this order?"),
        "cancel_refund": gettext("Cancel this order? {amount} goes back."),
        "cancel_yes": gettext("Yes, cancel it"),
        "cancel_no": gettext("No, keep it"),
        "buy_title": gettext("Do you want to buy this?"),
        "total": gettext("Total"),
        "pay": gettext("Pay {amount}"),
    }


def _of_products() -> dict[str, Any]:
    return {
        "loading_products": gettext("Looking in the shop …"),
        "products_title": gettext("From the shop"),
        "nothing_found": gettext("Nothing was found."),
        "add": gettext("Add to basket"),
        "look": gettext("Look at it"),
        "choose": gettext("Which {name}"),
        "sold_out": gettext("Sold out"),
        "in_basket": gettext("In the basket: {count}, {total} in all."),
    }


CARDS = (
    Card(
        uri=ORDER,
        title="Order",
        description="An order that moves: its steps, when it is expected, cancelling, its page.",
        page="order.html",
        script="order.js",
        texts=_of_orders,
    ),
    Card(
        uri=PRODUCTS,
        title="Products",
        description="Products with picture and price, each with a button for the basket.",
        page="products.html",
        script="products.js",
        texts=_of_products,
        has_pictures=True,
    ),
)
BY_URI = {card.uri: card for card in CARDS} | {FOOD_ORDERING: CARDS[0]}
