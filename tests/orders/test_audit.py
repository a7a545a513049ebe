"""`manage.py audit` holds for a shop that works, and names what is wrong in another."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection

from catalog.models import StockItem
from museo.access.callers import Caller
from museo.ops import audit
from notifications import log, retention
from notifications.models import Event
from orders import adjustments, services
from orders.models import Order, OrderStep, Plan, Slot
from orders.tracking import Placed
from tests.orders.conftest import SellLamp

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both]

Buy = Callable[..., Placed]


@pytest.fixture
def order(sell: SellLamp, buy: Buy, noon: datetime) -> Order:
    """One of three, after its second step; another is on its way too, and one was cancelled."""
    sell(on_hand=9)
    Plan.objects.filter(code="courier").update(slot_minutes=60, orders_per_slot=9)
    bought, _other, third = buy().order, buy(), buy()
    services.advance_due(now=noon + timedelta(minutes=3))
    adjustments.cancel(Caller(tickets=(third.ticket,)), third.order.number, now=noon)
    services.advance_due(now=noon + timedelta(minutes=5))
    return bought


@contextmanager
def unguarded() -> Iterator[Callable[..., None]]:
    """Runs SQL that the log's triggers and constraints would refuse."""

    def run(sql: str, *params: str | int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)

    tables = ("notifications_event", "notifications_eventtopic")
    if connection.vendor == "postgresql":
        for table in tables:
            run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield run
        for table in tables:
            run(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
    for name, _sql in triggers:
        run(f"DROP TRIGGER {name}")
    yield run
    for _name, sql in triggers:
        run(sql)


def broken() -> dict[str, list[str]]:
    return {
        answer.finding.name: answer.finding.offenders for answer in audit.run() if not answer.holds
    }


def test_all_holds_of_a_shop_that_works(order: Order, noon: datetime) -> None:
    assert broken() == {}
    services.advance_due(now=noon + timedelta(hours=1))
    assert broken() == {}
    looked_at = {answer.finding.name: answer.finding.looked_at for answer in audit.run()}
    assert looked_at["positions have no hole"] == log.state().head
    assert looked_at["every step that was taken was told, and in this order"] == 9
    assert all(looked_at.values())


def test_all_holds_of_a_log_that_has_forgotten(order: Order, noon: datetime) -> None:
    services.advance_due(now=noon + timedelta(hours=1))

    assert broken() == {}
    assert retention.forget(now=noon + timedelta(days=91), keep=timedelta(days=90)) == 17

    assert broken() == {}


@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_lost_event_is_named(order: Order, place: str) -> None:
    head = log.state().head
    position = {"first": 1, "middle": 3, "last": head}[place]
    with unguarded() as run:
        run("DELETE FROM notifications_event WHERE position = %s", position)

        named = broken()["positions have no hole"]
    assert named == [f"head {head}" if place == "last" else f"position {position}"]


def test_a_version_left_out_and_one_told_twice_are_named(order: Order) -> None:
    with unguarded() as run:
        run(
            "UPDATE notifications_event SET version = 9 WHERE topic = %s AND version = 3",
            order.topic,
        )

        [named] = broken()["versions of each topic have no hole"]
    assert named == f"{order.topic} has 3 events up to version 9"


def test_an_event_that_nobody_can_hear_is_named(order: Order) -> None:
    with unguarded() as run:
        run("DELETE FROM notifications_eventtopic WHERE topic = %s", order.topic)
        run("INSERT INTO notifications_eventtopic (topic, position) VALUES ('trial.a', 99)")

        found = broken()
        run("DELETE FROM notifications_eventtopic WHERE position = 99")
    positions = Event.objects.filter(topic=order.topic).values_list("position", flat=True)
    assert sorted(found["every event is heard on its own topic"]) == sorted(
        f"position {position}" for position in positions
    )
    assert found["nothing is heard that was not told"] == ["trial.a at 99"]


def test_a_step_without_an_event_is_named(order: Order, noon: datetime) -> None:
    OrderStep.objects.filter(order=order, index=3).update(at=noon)

    assert broken() == {
        "every step that was taken was told, and in this order": [
            f"{order.topic} took step 3 as order.out_for_delivery and did not tell"
        ]
    }


def test_an_event_without_a_step_is_named(order: Order) -> None:
    OrderStep.objects.filter(order=order, index=2).update(at=None)

    found = broken()
    assert found["every step that was told was taken, and in this order"] == [
        f"{order.topic} told step 2 as order.preparing and did not take it"
    ]
    assert found["an order's status is that of its last step"] == [
        f"{order.number} is preparing at step 2"
    ]


def test_a_status_that_was_set_by_hand_is_named(order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(status="delivered")

    assert broken() == {
        "an order's status is that of its last step": [f"{order.number} is delivered at step 2"]
    }


def test_an_order_that_nobody_was_told_of_is_named(order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(number="ORD-SMUGGLED")

    assert "ORD-SMUGGLED" in broken()["every order was told of"]


def test_stock_that_is_promised_to_nobody_is_named(order: Order) -> None:
    StockItem.objects.update(reserved=3)

    [named] = broken()["what is reserved is what checkouts hold"]
    assert named.endswith("3 reserved, 0 held")


def test_the_command_ends_with_one_and_says_what_is_broken(
    order: Order, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("audit")
    assert capsys.readouterr().out.count("holds") == len(audit.INVARIANTS)
    StockItem.objects.update(reserved=3)

    with pytest.raises(SystemExit) as ended:
        call_command("audit", "--json")

    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ended.value.code == 1
    assert [one["name"] for one in told if not one["holds"]] == [
        "what is reserved is what checkouts hold"
    ]


def test_an_end_that_was_not_told_and_money_that_went_astray_are_named(order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(status="failed", given_back=1)

    assert {
        "an order that was cancelled, failed or refunded told so once, and moves no more",
        "money given back is what providers were asked for, and what they paid back",
    } <= set(broken())


def test_a_slot_nobody_took_and_a_time_nobody_was_told_are_named(
    order: Order, noon: datetime
) -> None:
    Slot.objects.update(taken=3)
    assert list(broken()) == ["a slot is taken by as many orders as it says"]
    Slot.objects.update(taken=2)
    Order.objects.filter(pk=order.pk).update(eta=noon)
    [[offender]] = broken().values()
    assert offender.startswith(f"{order.number} is expected at")
    Order.objects.filter(pk=order.pk).update(eta=order.eta)
    order.lines.update(coming_back=1)
    assert broken() == {
        "units on their way back are those of open returns": [
            f"{order.number} line 1: 1 set apart, 0 asked for"
        ]
    }


def test_money_that_orders_and_payments_disagree_about_is_named(order: Order) -> None:
    kept = order.payments.get()
    order.payments.update(state="surplus", order=None)

    found = broken()

    [named] = found["what orders say was paid and paid back is what their payments say"]
    assert named.startswith(f"{order.number} is paid: {order.total} paid, 0 captured")
    assert found["money that has no order goes back"] == [
        f"{kept.public_id}: {order.total} is kept"
    ]
