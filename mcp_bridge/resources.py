"""What can be read and followed by its address: `museo://orders/{number}`."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import mcp_types as types

from mcp_bridge import texts
from museo.access.callers import Caller
from orders import tracking

MIME_TYPE = "application/json"
_NUMBER = re.compile(r"/(ORD-[0-9A-Z]{1,16})")

TEMPLATES = [
    types.ResourceTemplate(
        uri_template="museo://orders/{number}",
        name="order",
        title="Order",
        description="How an order of yours stands now; subscribe to it to be told of each step.",
        mime_type=MIME_TYPE,
    ),
    types.ResourceTemplate(
        uri_template="museo://orders/{number}{?ticket}",
        name="order_by_ticket",
        title="Order, by ticket",
        description="The same for a guest, with the ticket that place_order returned.",
        mime_type=MIME_TYPE,
    ),
]


@dataclass(frozen=True)
class OrderAddress:
    """An order's number and the ticket that came along, or none."""

    number: str
    ticket: str = ""

    @property
    def topic(self) -> str:
        return tracking.topic(self.number)

    def __str__(self) -> str:
        query = f"?ticket={quote(self.ticket, safe='')}" if self.ticket else ""
        return f"museo://orders/{self.number}{query}"


def parse(uri: str) -> OrderAddress | None:
    """None for what is no resource of ours."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    number = _NUMBER.fullmatch(parts.path)
    if parts.scheme != "museo" or parts.netloc != "orders" or number is None:
        return None
    return OrderAddress(number[1], parse_qs(parts.query).get("ticket", [""])[0])


def read(caller: Caller, address: OrderAddress, *, now: datetime) -> dict[str, Any]:
    """How the order stands, and the sentence for the chat; raise UnknownOrder."""
    order = tracking.find(caller.with_ticket(address.ticket), address.number)
    stand = tracking.track(order, locale=caller.locale, now=now)
    return {**stand, "message": texts.update(stand, now=now)}
