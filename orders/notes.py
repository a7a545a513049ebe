"""Notes about an order, for staff: written by them, or by what has changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from museo.access.callers import Caller
from notifications import log
from notifications.envelope import timestamp
from orders import tracking
from orders.models import Order, OrderNote


def add(caller: Caller, number: str, *, text: str, now: datetime) -> OrderNote:
    """Write something down about an order; only staff who may change orders can, and see it."""
    order = tracking.find_for_staff(caller, number)
    with log.change():
        return write(order, text, by=caller, now=now)


def write(order: Order, text: str, *, by: Caller, now: datetime) -> OrderNote:
    """The same, within a change whose caller may."""
    return OrderNote.objects.create(order=order, text=text, by=by.identity, at=now)


def read(caller: Caller, number: str) -> Sequence[dict[str, Any]]:
    """The notes of an order, oldest first, for staff who may change it."""
    order = tracking.find_for_staff(caller, number)
    return [shape(note) for note in order.notes.order_by("pk")]


def shape(note: OrderNote) -> dict[str, Any]:
    return {"text": note.text, "by": note.by, "at": timestamp(note.at)}
