"""How the shop is doing, for staff: counted in a fixed number of queries over newest orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import TruncHour, TruncMinute
from django.utils.translation import gettext

from museo.access.callers import Caller
from museo.access.permissions import may
from museo.access.problems import NotAllowed
from notifications import statistics
from notifications.envelope import timestamp
from notifications.statistics import percentile
from orders import lifecycle
from orders.models import Order, OrderStep

OPEN = [status for status in lifecycle.STATUSES if status not in lifecycle.ENDED]
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# how many orders the times of steps are taken from, the newest
MOST_TIMED = 2000


def overview(caller: Caller, *, window: timedelta, now: datetime) -> dict[str, Any]:
    """REST's `GET /admin/stats`: of the orders placed within the window, and those open."""
    if not may(caller, "orders.view_order"):
        raise NotAllowed(
            gettext("Only staff who may see all orders can see how the shop is doing.")
        )
    placed = placed_since(now - window)
    by_status = {
        status: (count, late)
        for status, count, late in placed.values_list("status").annotate(
            count=Count("pk"), late=Count("pk", filter=Q(late_at__isnull=False))
        )
    }
    orders = sum(count for count, _late in by_status.values())
    late = sum(late for _count, late in by_status.values())
    return {
        "now": timestamp(now),
        "since": timestamp(now - window),
        "orders": orders,
        "by_status": {status: by_status.get(status, (0, 0))[0] for status in lifecycle.STATUSES},
        "late": {"orders": late, "share": round(late / orders, 4) if orders else 0.0},
        "open": under_way(),
        "per_minute": per_minute(now),
        "step_seconds": step_seconds(placed),
        "realtime": statistics.realtime(now=now),
    }


def placed_since(since: datetime) -> QuerySet[Order]:
    """By status, because that is what the index begins with."""
    return Order.objects.filter(status__in=lifecycle.STATUSES, placed_at__gt=since)


def under_way() -> dict[str, int]:
    return Order.objects.filter(status__in=OPEN).aggregate(
        orders=Count("pk"),
        late=Count("pk", filter=Q(late_at__isnull=False)),
        held=Count("pk", filter=Q(held_at__isnull=False)),
    )


def per_minute(now: datetime) -> list[dict[str, Any]]:
    """The orders of each minute of the last hour that had any, oldest first."""
    by_minute = (
        placed_since(now - HOUR).annotate(minute=TruncMinute("placed_at")).values_list("minute")
    )
    counted = by_minute.annotate(count=Count("pk")).order_by("minute")
    return [{"minute": timestamp(minute), "orders": count} for minute, count in counted]


def late_by_hour(now: datetime) -> list[dict[str, Any]]:
    """Of the orders placed in each hour of the last day, how many have become late, oldest first.

    An hour that had none is not among them.
    """
    by_hour = placed_since(now - DAY).annotate(hour=TruncHour("placed_at")).values_list("hour")
    late = Count("pk", filter=Q(late_at__isnull=False))
    counted = by_hour.annotate(count=Count("pk"), late=late).order_by("hour")
    return [{"hour": timestamp(hour), "orders": n, "late": late} for hour, n, late in counted]


def today(since: datetime, *, currency: str) -> dict[str, int]:
    """How many orders were placed since then, and what was paid for them and not paid back."""
    kept = Sum(F("paid") - F("paid_back"), filter=Q(currency=currency))
    told = placed_since(since).aggregate(orders=Count("pk"), kept=kept)
    return {"orders": told["orders"], "kept": told["kept"] or 0}


def seconds_to_door(placed: Any) -> float | None:
    """The median from placing to the door, of the newest; None before the first."""
    arrived = placed.filter(status=lifecycle.DELIVERED, ended_at__isnull=False).order_by("-pk")
    times = arrived.values_list("placed_at", "ended_at")[:MOST_TIMED]
    seconds = [(ended_at - placed_at).total_seconds() for placed_at, ended_at in times]
    return percentile(seconds, 50) if seconds else None


def step_seconds(placed: Any) -> dict[str, dict[str, float]]:
    """How long orders took from the step before to each status."""
    newest = list(placed.order_by("-pk").values_list("pk", flat=True)[:MOST_TIMED])
    taken = OrderStep.objects.filter(order__in=newest, at__isnull=False)
    rows: Iterable[Any] = taken.order_by("order_id", "index").values_list(
        "order_id", "status", "at", "order__placed_at"
    )
    durations: dict[str, list[float]] = defaultdict(list)
    before: dict[int, datetime] = {}
    for order, status, at, placed_at in rows:
        durations[status].append((at - before.get(order, placed_at)).total_seconds())
        before[order] = at
    return {
        status: {
            "orders": len(durations[status]),
            "p50": percentile(durations[status], 50),
            "p95": percentile(durations[status], 95),
        }
        for status in lifecycle.PROGRESS
        if status in durations
    }
