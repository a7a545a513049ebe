"""Slots: how many orders may be promised for the same span of time.

A slot is taken as stock is: by one conditional UPDATE, with a constraint behind it. In the order of
locks it comes after the order and before payments.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db.models import F

from orders.models import Order, Slot

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
# staff have not planned further ahead
MOST_AHEAD = 1000


def take(plan: str, *, at: datetime, length: timedelta, room: int) -> tuple[Slot | None, datetime]:
    """Take room in the slot of `at`, or the first one after it; return it and the time promised.

    That is `at` itself, or the start of a later slot. What is bought is paid for by now, so nobody
    is refused: beyond MOST_AHEAD full slots there are none.
    """
    first = EPOCH + (at - EPOCH) // length * length
    full = set(
        Slot.objects.filter(plan=plan, starts_at__gte=first, taken__gte=F("room")).values_list(
            "starts_at", flat=True
        )
    )
    for starts_at in _starts(first, length):
        if starts_at not in full and _take(plan, starts_at, room):
            return Slot.objects.get(plan=plan, starts_at=starts_at), max(at, starts_at)
    return None, first + MOST_AHEAD * length


def _starts(first: datetime, length: timedelta) -> Iterator[datetime]:
    return (first + count * length for count in range(MOST_AHEAD))


def _take(plan: str, starts_at: datetime, room: int) -> bool:
    """One more order in the slot, begun if it is new; False if it is full."""
    Slot.objects.bulk_create(
        [Slot(plan=plan, starts_at=starts_at, room=room)], ignore_conflicts=True
    )
    slot = Slot.objects.filter(plan=plan, starts_at=starts_at, taken__lt=F("room"))
    return bool(slot.update(taken=F("taken") + 1))


def leave(order: Order) -> None:
    """Somebody else may have the place that a locked order has in its slot."""
    left = Order.objects.filter(pk=order.pk, slot=order.slot_id).update(slot=None)
    if left and order.slot_id:
        Slot.objects.filter(pk=order.slot_id).update(taken=F("taken") - 1)
    order.slot_id = None
