"""Who has bought what, and what can be bought: asked of the app above, which has the orders."""

from collections.abc import Callable, Collection
from typing import Protocol

from django.utils.translation import gettext_lazy as _

from catalog.models import Master, StockReservation

# a kind of products: whether a way of delivery takes it
IsCarried = Callable[[str], bool]
NOT_CARRIED = _("No way of delivery takes what is of this kind: %(kind)s. Nobody can buy it.")


class Seller(Protocol):
    """What the app that sells answers; one of its modules does."""

    def has_bought(self, user_id: int, master_id: int) -> bool:
        """Whether an order of theirs had the product."""

    def ordered(self, variant_ids: Collection[int]) -> set[int]:
        """Those of the variants that an order names."""

    def is_carried(self, kind: str) -> bool:
        """Whether a way of delivery takes what is of this kind."""


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


def is_carried(kind: str) -> bool:
    return any(seller.is_carried(kind) for seller in _sellers)


def not_carried() -> frozenset[str]:
    """The kinds that no way of delivery takes."""
    return frozenset(kind for kind in Master.Kind.values if not is_carried(kind))


def warnings(master: Master, *, is_carried: IsCarried = is_carried) -> list[str]:
    """What staff should know of a product that is on sale: that nobody can buy it."""
    is_on_sale = master.status == Master.Status.ACTIVE and master.deleted_at is None
    return [not_carried_said(master.kind)] if is_on_sale and not is_carried(master.kind) else []


def not_carried_said(kind: str) -> str:
    """For staff, who can do something about it."""
    return str(NOT_CARRIED) % {"kind": Master.Kind(kind).label}
