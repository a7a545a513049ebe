"""What the lines of a basket cost, and what is added to them; amounts in minor units."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext

from catalog import prices, variants
from museo.access.problems import Problem
from orders.models import BasketLine

DELIVERY_PRICES = {"courier": 390, "pickup": 0}


class NotForSale(Problem):
    """A line of the basket has no price any more."""

    status = 409
    code = "not_for_sale"


@dataclass(frozen=True)
class Line:
    """A line with all it shows; `id` is the basket line's."""

    id: int
    variant_id: int
    sku: str
    slug: str
    name: str
    image: str
    quantity: int
    unit_price: int
    # what it cost when it went into the basket
    unit_price_seen: int
    is_for_sale: bool

    @property
    def total(self) -> int:
        return self.unit_price * self.quantity

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "total": self.total}


def money(amount: int, currency: str) -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


def price_lines(lines: Iterable[BasketLine], *, locale: str, now: datetime) -> list[Line]:
    """The lines at the prices of `now`; one that has none any more keeps its old price."""
    lines = list(lines)
    ids = [line.variant_id for line in lines]
    current = prices.current(ids, currency=settings.SHOP_CURRENCY, now=now)
    described = variants.describe(ids, locale=locale)
    return [
        Line(
            id=line.pk,
            variant_id=line.variant_id,
            quantity=line.quantity,
            unit_price=price.amount if price else line.unit_price_seen,
            unit_price_seen=line.unit_price_seen,
            is_for_sale=price is not None,
            **asdict(described[line.variant_id]),
        )
        for line in lines
        for price in [current.get(line.variant_id)]
    ]


def require_for_sale(lines: Iterable[Line]) -> None:
    """Raise NotForSale for the first line that cannot be bought any more."""
    for line in lines:
        if not line.is_for_sale:
            raise NotForSale(not_for_sale(line), sku=line.sku)


def not_for_sale(line: Line) -> str:
    return gettext("%(name)s is not for sale any more. Remove it to go on.") % {"name": line.name}


def totals(lines: Sequence[Line], *, delivery: str | None = None) -> list[dict[str, Any]]:
    """`[{"type", "amount", "currency"}]`, the total last; without a delivery none is added."""
    items = sum(line.total for line in lines)
    parts = {"items": items}
    if delivery is not None:
        parts["delivery"] = DELIVERY_PRICES[delivery]
    parts["total"] = sum(parts.values())
    return [
        {"type": kind, **money(amount, settings.SHOP_CURRENCY)} for kind, amount in parts.items()
    ]


def delivery_options() -> list[dict[str, Any]]:
    labels = {
        "courier": gettext("Courier to your door"),
        "pickup": gettext("Pick up at the museum"),
    }
    return [
        {
            "code": code,
            "label": labels[code],
            "price": money(price, settings.SHOP_CURRENCY),
        }
        for code, price in DELIVERY_PRICES.items()
    ]
