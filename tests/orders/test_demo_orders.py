"""What a new demo shop has sold before anybody has come."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from catalog.demo import house
from mcp_bridge.management.commands import demo
from museo.access.models import User
from notifications.models import Event
from orders import board, demo_orders
from orders.models import Order

pytestmark = pytest.mark.django_db


def test_a_new_demo_shop_begins_with_orders_at_every_step_and_once(
    settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    User.objects.create_superuser("staff@museo.example")

    call_command("demo", orders=True, verbosity=0)
    call_command("demo", orders=True, verbosity=0)

    now = timezone.now()
    columns = {column.name: (column.count, column.late) for column in board.counted()}
    assert columns == {
        "placed": (1, 0),
        "confirmed": (1, 0),
        "preparing": (3, 0),
        "out_for_delivery": (2, 1),
        "done": (0, 0),
    }
    ended = Order.objects.filter(status="delivered").values_list("plan", flat=True)
    assert sorted(ended) == ["courier", "digital"]
    assert Order.objects.exclude(held_at=None).count() == 1
    assert set(Order.objects.values_list("payment_status", flat=True)) == {"paid"}
    # what happened is told in its order, and the rest comes by the clock
    told = Event.objects.filter(type__startswith="order.").order_by("position")
    times = list(told.values_list("at", flat=True))
    assert times == sorted(times)
    assert not Order.objects.due(now).exists()
    left = Order.objects.filter(held_at=None, next_step_at__lt=now + timedelta(hours=1))
    assert left.count() == 6


def test_who_opens_a_demo_shop_without_orders_gets_none(
    noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "fill", lambda now: 0)

    call_command("demo", verbosity=0)
    call_command("demo", orders=True, verbosity=0)

    assert not house.open_doors(now=noon)
    assert not Order.objects.exists()


def test_where_money_moves_nobody_buys_for_show(noon: datetime, settings: Any) -> None:
    settings.MUSEO_PAYMENT_PROVIDERS = ["stripe", "manual"]

    demo_orders.begin(now=noon)

    assert not Order.objects.exists()
