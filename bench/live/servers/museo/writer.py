"""Writes to the shop's log as its services do: `log.change()`, told by `tracking.tell`.

A tick is the shop's own clock: `services.advance_due` moves all orders that are due. What is told
gets the bench's stamp among its data, which the clients read.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.utils import timezone

from bench.live.plan import STATUSES, Plan, Published, batches, order_facts, stamp
from bench.live.publishing import Log, serve
from notifications import log
from notifications.audiences import EVERYBODY
from orders import lifecycle, services, tracking
from orders.models import Order

ORDERS = Path("orders.json")


def publish(plan: Plan, how: Log) -> None:
    if plan.is_tick:
        _tick(plan, how)
        return
    orders = _orders(plan.topics) if plan.topics > 1 else []
    for batch in batches(plan, late=how.late):
        began_at = time.monotonic()
        with log.change() as change:
            for each in batch:
                if orders:
                    _tell_of_order(change, orders[each.topic], each, plan.padding)
                else:
                    _tell_everybody(change, each, plan.padding)
        how.took.append(time.monotonic() - began_at)


def _tell_of_order(change: log.Change, order: Order, each: Published, padding: int) -> None:
    step = each.number % len(STATUSES)
    now = timezone.now()
    tracking.tell(change, order, status=STATUSES[step], step=step + 1, now=now)
    _put_stamp(change, each.number, padding)


def _put_stamp(change: log.Change, number: int, padding: int = 0) -> None:
    change.events[-1].data["stamp"] = stamp(number)
    if padding:
        change.events[-1].data["padding"] = "x" * padding


def _tell_everybody(change: log.Change, each: Published, padding: int) -> None:
    facts = order_facts(each, padding)
    key = lifecycle.text_key(str(facts["status"]), "message")
    texts = {"status_message": [key, {}]}
    change.event(EVERYBODY, f"order.{facts['status']}", facts, at=timezone.now(), texts=texts)


def _tick(plan: Plan, how: Log) -> None:
    """One step of each order, all due now; as many ticks as there are events for each."""
    orders = _orders(plan.topics)
    for number in range(plan.first, plan.last + 1):
        now = timezone.now()
        Order.objects.filter(pk__in=[order.pk for order in orders]).update(next_step_at=now)
        _stamp_all_told(number)
        began_at = time.monotonic()
        services.advance_due(now=now)
        how.took.append(time.monotonic() - began_at)


_tell: Any = tracking.tell


def _stamp_all_told(number: int) -> None:
    def tell(change: log.Change, *arguments: Any, **facts: Any) -> None:
        _tell(change, *arguments, **facts)
        _put_stamp(change, number)

    services.tracking.tell = tell  # type: ignore[attr-defined]


def _orders(count: int) -> list[Order]:
    """In the order of the clients' paths."""
    numbers = [number for number, _ticket in json.loads(ORDERS.read_text())[:count]]
    found: Mapping[str, Order] = Order.objects.in_bulk(numbers, field_name="number")
    return [found[number] for number in numbers]


if __name__ == "__main__":
    serve(publish)
