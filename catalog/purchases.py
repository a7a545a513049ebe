"""Who has bought what, and what can be bought: asked of the app above, which has the orders."""

from collections.abc import Collection
from typing import Protocol

from django.utils.translation import gettext_lazy as _

from catalog.models import Master, StockReservation

NOT_CARRIED = _("No way of delivery takes what is of this kind: %(kind)s. Nobody can buy it.")


class Seller(Protocol):
    """What the app that sells answers; one of its modules does."""

    def has_bought(self, user_id: int, master_id: int) -> bool:
        """Whether an order of theirs had the product."""

    def ordered(self, variant_ids: Collection[int]) -> set[int]:
        """Those of the variants that an order names, or will if somebody's payment succeeds."""

    def carried(self) -> set[str]:
        """The kinds of products that a way of delivery takes."""


_sellers: list[Seller] = []


def register(seller: Seller) -> None:
    """For `AppConfig.ready()` of the app that sells."""
    _sellers.append(seller)


def has_bought(user_id: int, master_id: int) -> bool:
    return any(seller.has_bought(user_id, master_id) for seller in _sellers)


def ordered(variant_ids: Collection[int]) -> set[int]:
    """Those of the variants that an order names, or that a checkout ever held."""
    held = StockReservation.objects.filter(stock_item__variant_id__among=variant_ids)
    found = set(held.values_list("stock_item__variant_id", flat=True))
    return found.union(*(seller.ordered(variant_ids) for seller in _sellers))


def not_carried() -> frozenset[str]:
    """The kinds that no way of delivery takes."""
    return frozenset(Master.Kind.values).difference(*(seller.carried() for seller in _sellers))


def warnings(master: Master, not_carried: Collection[str]) -> list[str]:
    """What staff should know of a product that is on sale: that nobody can buy it."""
    is_on_sale = master.status == Master.Status.ACTIVE and master.deleted_at is None
    return [not_carried_said(master.kind)] if is_on_sale and master.kind in not_carried else []


def not_carried_said(kind: str) -> str:
    """For staff, who can do something about it."""
    return str(NOT_CARRIED) % {"kind": Master.Kind(kind).label}
