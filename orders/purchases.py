"""Who has bought what, and what can be, for the catalogue, which asks and knows no orders."""

from collections.abc import Collection

from catalog.models import Master
from orders import delivery, lifecycle
from orders.models import OrderLine


def has_bought(user_id: int, master_id: int) -> bool:
    """Whether an order of theirs had the product, and was neither cancelled nor failed."""
    lines = OrderLine.objects.filter(order__user=user_id, variant__master=master_id)
    return lines.exclude(order__status__in=[lifecycle.CANCELLED, lifecycle.FAILED]).exists()


def ordered(variant_ids: Collection[int]) -> set[int]:
    """Those of the variants that an order names."""
    lines = OrderLine.objects.filter(variant_id__among=variant_ids)
    return set(lines.values_list("variant_id", flat=True))


def carried() -> set[str]:
    """The kinds of products that a way of delivery takes."""
    ways = delivery.options()
    return {kind for kind in Master.Kind.values if any(way.carries([kind]) for way in ways)}
