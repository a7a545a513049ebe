"""A tick that dies in the middle loses nothing and repeats nothing."""

import os
import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest
from django.db import transaction

from notifications import log
from notifications.models import Event
from orders import services
from orders.details import Details
from orders.models import Order
from orders.tracking import Placed
from tests.orders.conftest import SellLamp
from tests.orders.test_races import place_orders, versions_of_all
from tests.processes import ended, eventually, fork

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both]


def tick(now: datetime, batch: int) -> None:
    services.BATCH = {"postgresql": batch, "sqlite": batch}
    services.advance_due(now=now)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


DIE: dict[str, Callable[[], None]] = {
    "in the same transaction": die,
    "after it": partial(transaction.on_commit, die),
}


def tick_and_die_before_the_log(now: datetime, how: str) -> None:
    def append(change: log.Change) -> None:
        DIE[how]()

    log._append = append
    services.advance_due(now=now)


def test_one_of_two_ticks_killed_in_the_middle_and_every_step_is_taken_once(
    sell: SellLamp, details: Details, noon: datetime, request: pytest.FixtureRequest
) -> None:
    sell(on_hand=5000)
    orders = 2000 if request.config.getoption("--long") else 200
    place_orders(orders, details, noon)
    told = partial(Event.objects.filter(topic__startswith="order.").count)
    in_small_parts = partial(tick, noon + timedelta(hours=1), batch=5)

    doomed, survivor = fork(in_small_parts), fork(in_small_parts)
    eventually(lambda: told() > orders + 40)
    os.kill(doomed, signal.SIGKILL)

    assert ended(doomed) == -signal.SIGKILL
    assert ended(survivor) == 0
    assert Order.objects.filter(status="delivered").count() == orders
    assert versions_of_all() == {(1, 2, 3, 4, 5)}


@pytest.mark.parametrize(
    ("how", "is_whole"), [("in the same transaction", True), ("after it", False)]
)
def test_a_step_and_its_event_are_kept_together_or_not_at_all(
    sell: SellLamp, buy: Callable[..., Placed], noon: datetime, how: str, is_whole: bool
) -> None:
    sell()
    order = buy().order

    killed = fork(partial(tick_and_die_before_the_log, noon + timedelta(minutes=2), how))

    assert ended(killed) == -signal.SIGKILL
    order.refresh_from_db()
    was_told = Event.objects.filter(topic=order.topic, type="order.confirmed").exists()
    assert ((order.status == "confirmed") == was_told) is is_whole
