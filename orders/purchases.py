"""Who has bought what, and what can be, for the catalogue, which asks and knows no orders."""

from collections.abc import Collection

from catalog.models import Master
from orders import delivery, lifecycle
from orders.models import Checkout, OrderLine


def has_bought(user_id: int, master_id: int) -> bool:
    """Whether an order of theirs had the product, and was neither cancelled nor failed."""
    lines = OrderLine.objects.filter(order__user=user_id, variant__master=master_id)
    return lines.exclude(order__status__in=[lifecycle.CANCELLED, lifecycle.FAILED]).exists()


def ordered(variant_ids: Collection[int]) -> set[int]:
    """Those of the variants that an order names, or a checkout that may still become one."""
    lines = OrderLine.objects.filter(variant_id__among=variant_ids)
    being_bought = Checkout.objects.live().values_list("lines", flat=True)
    return {
        *lines.values_list("variant_id", flat=True),
        *(line["variant_id"] for each in being_bought for line in each),
    }.intersection(variant_ids)


def carried() -> set[str]:
    """The kinds of products that a way of delivery takes."""
    ways = delivery.options()
    return {kind for kind in Master.Kind.values if any(way.carries([kind]) for way in ways)}
