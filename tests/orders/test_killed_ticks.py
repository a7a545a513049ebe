"""A tick that dies in the middle loses nothing and repeats nothing."""

import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest

from notifications.models import Event
from orders.details import Details
from orders.models import Order
from orders.tracking import Placed
from tests.orders.conftest import SellLamp
from tests.orders.test_races import place_orders, versions_of_all
from tests.processes import eventually, spawn

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both]

TICK = """
from datetime import datetime
from orders import services
services.BATCH = {"postgresql": 5, "sqlite": 5}
print(services.advance_due(now=datetime.fromisoformat(sys.argv[1])))
"""

DIES_BEFORE_THE_LOG = """
import signal
from datetime import datetime
from django.db import transaction
from notifications import log
from orders import services

def die():
    os.kill(os.getpid(), signal.SIGKILL)

append = {
    "in the same transaction": lambda change: die(),
    "after it": lambda change: transaction.on_commit(die),
}
log._append = append[sys.argv[2]]
services.advance_due(now=datetime.fromisoformat(sys.argv[1]))
"""


def test_one_of_two_ticks_killed_in_the_middle_and_every_step_is_taken_once(
    sell: SellLamp, details: Details, noon: datetime, request: pytest.FixtureRequest
) -> None:
    sell(on_hand=5000)
    orders = 2000 if request.config.getoption("--long") else 200
    place_orders(orders, details, noon)
    told = partial(Event.objects.filter(topic__startswith="order.").count)
    later = (noon + timedelta(hours=1)).isoformat()

    doomed, survivor = spawn(TICK, later), spawn(TICK, later)
    eventually(lambda: told() > orders + 40)
    doomed.send_signal(signal.SIGKILL)
    doomed.communicate(timeout=30)
    survivor.communicate(timeout=120)

    assert doomed.returncode == -signal.SIGKILL
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

    killed = spawn(DIES_BEFORE_THE_LOG, (noon + timedelta(minutes=2)).isoformat(), how)
    killed.communicate(timeout=60)

    assert killed.returncode == -signal.SIGKILL
    order.refresh_from_db()
    was_told = Event.objects.filter(topic=order.topic, type="order.confirmed").exists()
    assert ((order.status == "confirmed") == was_told) is is_whole
