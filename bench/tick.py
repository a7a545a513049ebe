"""What a tick of the clock takes: `python -m bench.tick [--sizes 10000 100000 1000000]`.

On a throw-away PostgreSQL that writes to its disk as it does by default, with Valkey, in a shop of
so many orders that wait for their next step. Of each size are measured: a tick that finds nothing
due; one that finds some orders due, with their events, as Celery runs it; and, in turn with those,
other orders moved in a transaction each: as it is often written, row by row with models, and by the
statements of the tick. What was told is checked: a step for each order, in a log without a hole.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta

from bench.live import kitchen
from bench.shop.sites import AS_IN_PRODUCTION
from tests import services

ROUNDS = 5
IDLE_TICKS = 200
# so many orders are due at a time, and so many of them are moved one by one
DUE, ALONE = 5000, 200
DUE_IN_ALL = (DUE + ALONE + ALONE) * ROUNDS


@dataclass(frozen=True)
class Costs:
    """Medians: milliseconds of an idle tick; steps a second in ticks, and in a transaction each."""

    idle: float
    steps: float
    by_models: float
    by_statements: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    sizes = sorted(parser.parse_args().sizes)
    programs = services.find_postgresql()
    if programs is None:
        sys.exit("bench.tick needs PostgreSQL: apt-get install postgresql")
    if sizes[0] < DUE_IN_ALL:
        sys.exit(f"bench.tick needs {DUE_IN_ALL:,} orders at least")
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory())
        os.environ |= {
            "DATABASE_URL": stack.enter_context(
                services.postgresql(programs, settings=AS_IN_PRODUCTION)
            ),
            "REDIS_URL": stack.enter_context(services.valkey(kitchen.valkey_server())),
            "MUSEO_HOME": home,
            "DJANGO_SETTINGS_MODULE": "museo.settings",
        }
        _measure(sizes)


def _measure(sizes: list[int]) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from bench import copies

    call_command("migrate", verbosity=0)
    # as museo.ops.worker does
    gc.set_threshold(50_000, 20, 100)
    _say(
        "orders",
        "idle tick, ms",
        "steps / s",
        "a transaction each, by models",
        "ratio",
        "by statements",
    )
    _say(*["---"] * 6)
    for size in sizes:
        copies.wait(orders=size)
        found = _costs()
        _say(
            f"{size:,}",
            f"{found.idle:.2f}",
            f"{found.steps:,.0f}",
            f"{found.by_models:,.0f}",
            f"{found.steps / found.by_models:.1f}x",
            f"{found.by_statements:,.0f}",
        )
    _require_whole_log()
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's


def _say(*cells: str) -> None:
    sys.stdout.write(f"| {' | '.join(cells)} |\n")
    sys.stdout.flush()


def _costs() -> Costs:
    idle = statistics.median(_idle() for _ in range(IDLE_TICKS))
    ways = ((DUE, _in_ticks), (ALONE, _by_models), (ALONE, _by_statements))
    rounds = [[_rate(count, move) for count, move in ways] for _ in range(ROUNDS)]
    return Costs(idle * 1000, *map(statistics.median, zip(*rounds, strict=True)))


def _idle() -> float:
    from orders import tasks

    began = time.perf_counter()
    if tasks.advance_due_orders():
        sys.exit("wrong: nothing was due")
    return time.perf_counter() - began


def _rate(count: int, move: Callable[[int], int]) -> float:
    """Steps a second where so many orders, which have taken none yet, are due for their first."""
    from django.utils import timezone

    from orders.models import Order

    waiting = Order.objects.filter(step=0).order_by("-pk").values("pk")[:count]
    now = timezone.now()
    if Order.objects.filter(pk__in=waiting).update(next_step_at=now) != count:
        sys.exit("wrong: too few orders wait")
    moved_before = Order.objects.filter(step=1).count()
    began = time.perf_counter()
    steps = move(count)
    took = time.perf_counter() - began
    if steps != count or Order.objects.filter(step=1).count() - moved_before != count:
        sys.exit(f"wrong: {steps} steps of {count}")
    # what follows waits, however long this takes
    Order.objects.filter(step=1).update(next_step_at=now + timedelta(days=1))
    return count / took


def _in_ticks(count: int) -> int:
    from orders import tasks

    steps = 0
    while steps < count and (moved := tasks.advance_due_orders()):
        steps += moved
    return steps


def _by_models(count: int) -> int:
    from django.utils import timezone

    from notifications import log
    from orders import tracking
    from orders.models import Order

    now = timezone.now()
    due = list(Order.objects.due(now).values_list("pk", flat=True)[:count])
    for pk in due:
        with log.change() as change:
            order = Order.objects.select_for_update().get(pk=pk)
            step, following = order.steps.filter(index__gt=order.step).order_by("index")[:2]
            step.at = now
            step.save()
            order.status, order.step = step.status, step.index
            order.next_step_at, order.waits = following.due_at, following.waits
            order.save()
            tracking.tell(
                change,
                order,
                status=step.status,
                step=step.index,
                now=now,
                planned_at=step.due_at,
            )
    return len(due)


def _by_statements(count: int) -> int:
    from django.utils import timezone

    from orders import services
    from orders.models import Order

    now = timezone.now()
    due = list(Order.objects.due(now).values_list("pk", flat=True)[:count])
    return sum(services._advance(Order.objects.filter(pk=pk), now=now) for pk in due)


def _require_whole_log() -> None:
    from notifications import log
    from notifications.models import Event

    head = log.state().head
    told = Event.objects.filter(type="order.confirmed").count()
    if Event.objects.count() != head or told % DUE_IN_ALL:
        sys.exit(f"wrong: {told} steps told, {head} positions")


if __name__ == "__main__":
    main()
