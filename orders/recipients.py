"""To whom and where a person's orders went, so that nobody has to type it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from orders.details import in_one_line

# so many orders are looked through, and so many places are shown
LOOKED_THROUGH, MOST = 20, 5


@dataclass(frozen=True)
class Recipient:
    name: str
    address: dict[str, str] = field(hash=False)

    @property
    def line(self) -> str:
        return in_one_line(self.address)


def of(orders: Any) -> list[Recipient]:
    """Each once, that of the newest order first."""
    found: dict[str, Recipient] = {}
    rows = orders.order_by("-pk").values_list("name", "address")[:LOOKED_THROUGH]
    for name, address in rows:
        if address.get("line1"):
            recipient = Recipient(name, address)
            found.setdefault(f"{name}, {recipient.line}", recipient)
    return list(found.values())[:MOST]
