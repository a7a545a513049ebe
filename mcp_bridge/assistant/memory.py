"""What a conversation remembers from one message to the next, besides what was said."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

import orjson

from museo.access.encryption import seal, unseal

MOST_KEPT = 10


@dataclass
class Memory:
    """A guest's basket and tickets are opened by it, so it is kept sealed.

    `products` are those that were shown last, as the search has them; `asked` is the open question,
    and `pending` an intent that something is missing for: `{"intent", "entities", "slot"}`.
    """

    basket_token: str = ""
    tickets: list[str] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    products: list[dict[str, Any]] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    pending: dict[str, Any] = field(default_factory=dict)
    asked: str = ""

    @classmethod
    def read(cls, sealed: str) -> Memory:
        if not sealed:
            return cls()
        kept = orjson.loads(unseal(sealed))
        return cls(**{each.name: kept[each.name] for each in fields(cls) if each.name in kept})

    def sealed(self) -> str:
        """Empty if there is nothing to remember."""
        return "" if self == Memory() else seal(orjson.dumps(asdict(self)).decode())

    def remember_order(self, number: str, ticket: str = "") -> None:
        self.orders = [number, *(each for each in self.orders if each != number)][:MOST_KEPT]
        if ticket:
            self.tickets = [ticket, *self.tickets][:MOST_KEPT]

    def remember_products(self, results: list[dict[str, Any]]) -> None:
        """What words such as "it" and "the second" are about from now on."""
        names = ("id", "slug", "name", "default_sku")
        self.products = [
            {name: each.get(name, "") for name in names} for each in results[:MOST_KEPT]
        ]
