"""`manage.py audit` holds for a shop that works, and names what is wrong in another."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.models import F

from catalog.models import StockItem, StockMovement
from museo.access.callers import Caller
from museo.ops import audit
from notifications import audit as of_the_log
from notifications import dispatcher, log, retention
from notifications.models import Delivery, Event, Subscription
from orders import adjustments, services
from orders.models import Order, OrderStep, Plan, Slot
from orders.tracking import Placed
from tests.orders.conftest import SellLamp

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both]

Buy = Callable[..., Placed]
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
STEPS = "every step that was taken was told, and every step that was told was taken"
LAST = "the head is the position of the newest event"


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


def broken(now: datetime = NOON) -> dict[str, list[str]]:
    return {
        answer.finding.name: answer.finding.offenders
        for answer in audit.run(now=now)
        if not answer.holds
    }


def test_all_holds_of_a_shop_that_works(order: Order, noon: datetime) -> None:
    assert broken() == {}
    dispatcher.dispatch(now=noon)
    services.advance_due(now=noon + timedelta(hours=1))
    assert broken() == {}
    looked_at = {answer.finding.name: answer.finding.looked_at for answer in audit.run(now=noon)}
    assert looked_at["positions have no hole"] == log.state().head
    assert looked_at[STEPS] == 3
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

        found = broken()
    assert [found.get(name) for name in ("positions have no hole", LAST)] == (
        [None, [f"head {head}"]] if place == "last" else [[f"position {position}"], None]
    )


def test_a_version_left_out_and_one_told_twice_are_named(order: Order) -> None:
    with unguarded() as run:
        run(
            "UPDATE notifications_event SET version = 9 WHERE topic = %s AND version = 3",
            order.topic,
        )

        [named] = broken()["versions of each topic have no hole"]
    assert named == f"{order.topic} has 3 events up to version 9 of 3"


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


def test_a_topic_that_nobody_counts_and_one_of_no_order_are_named(order: Order) -> None:
    with unguarded() as run:
        run("DELETE FROM notifications_topic WHERE name = %s", order.topic)
        run("INSERT INTO notifications_topic (name, version) VALUES ('order.ORD-GHOST', 1)")

        found = broken()
    assert set(found["versions of each topic have no hole"]) == {f"{order.topic} has no counter"}
    assert found["nothing was told of an order that there is not"] == [
        "order.ORD-GHOST is of no order"
    ]


def test_a_step_without_an_event_is_named(order: Order, noon: datetime) -> None:
    OrderStep.objects.filter(order=order, index=3).update(at=noon + timedelta(hours=1))

    assert broken() == {
        STEPS: [f"{order.topic} took step 3 as order.out_for_delivery and did not tell"]
    }


def test_an_event_without_a_step_is_named(order: Order) -> None:
    OrderStep.objects.filter(order=order, index=2).update(at=None)

    found = broken()
    assert found[STEPS] == [f"{order.topic} told step 2 as order.preparing and did not take it"]
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


def test_a_price_that_does_not_add_up_is_named(order: Order) -> None:
    for wrong in (
        {"total": order.total + 1, "paid": order.total + 1},
        {"totals": [part | {"amount": part["amount"] + 1} for part in order.totals]},
        {"totals": [*order.totals[:-1], {"type": "discount", "amount": -5}, order.totals[-1]]},
    ):
        right = {name: getattr(order, name) for name in wrong}
        Order.objects.filter(pk=order.pk).update(**wrong)

        [named] = broken()[
            "an order costs what its lines, delivery, tip and taxes add up to, less its discount"
        ]
        assert named.startswith(f"{order.number} costs ")
        Order.objects.filter(pk=order.pk).update(**right)
    assert broken() == {}


def test_a_step_taken_before_its_time_and_a_sale_to_nobody_are_named(order: Order) -> None:
    order.steps.filter(index=1).update(at=NOON + timedelta(days=1))
    StockItem.objects.update(on_hand=F("on_hand") - 2)
    item = StockItem.objects.get()
    movement = {"stock_item": item, "delta": -2, "kind": "sale", "at": NOON}
    StockMovement.objects.create(reference="ORD-NOBODY", **movement)

    assert broken() == {
        "steps are taken one after the other": [
            f"{order.number} took step 2 before the one before it"
        ],
        "what was sold is on the order for which it was taken": [
            f"ORD-NOBODY took 2 of stock item {item.pk} and has 0"
        ],
    }


def test_a_delivery_that_was_lost_or_is_held_by_nobody_is_named(order: Order) -> None:
    """Of the wishes of a buyer, who is told by mail; whatever they did not ask for is none."""
    dispatcher.dispatch(now=NOON)
    mail = Subscription.objects.get(topic=order.topic)
    first, second = Delivery.objects.filter(subscription=mail).order_by("position")
    assert Event.objects.filter(topic=order.topic).count() > 2
    Delivery.objects.filter(pk=second.pk).update(state="pending", leased_by="a", ended_at=None)

    assert broken() == {}
    held = broken(NOON + timedelta(minutes=30))
    Delivery.objects.filter(pk__in=[first.pk, second.pk]).delete()
    lost = broken()

    [[named]] = held.values()
    assert named.startswith(f"{mail.public_id}-{second.position} is held since its lease ended at ")
    # nobody says in which order they are named
    assert {what: {*named} for what, named in lost.items()} == {
        "whoever wants an event has a delivery of it, or one that says why not": {
            f"{mail.public_id} has no delivery of position {position}"
            for position in (first.position, second.position)
        }
    }
    # a wish that is another one now says nothing of what was told before
    Subscription.objects.filter(pk=mail.pk).update(changed_at=NOON + timedelta(minutes=5))
    assert broken() == {}


def test_a_slice_that_takes_too_long_is_made_smaller_until_it_does_not(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor == "postgresql":
        monkeypatch.setattr(of_the_log, "LONGEST_SECONDS", 0.05)
    # each row costs 40 ms: two of them too much
    slow = {
        "postgresql": "SELECT id FROM orders_order WHERE id > %(after)s AND id <= %(upto)s"
        " AND pg_sleep(0.04) IS NOT NULL",
        "sqlite": "SELECT id FROM orders_order WHERE id > %(after)s AND id <= %(upto)s",
    }[connection.vendor]

    finding = of_the_log.look(of_the_log.Invariant("trial", "orders_order", slow), now=NOON)

    assert (finding.looked_at, finding.broken) == (3, 3)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone()[0] == "0"


def test_only_the_first_are_named_and_all_are_counted(order: Order) -> None:
    every = of_the_log.Invariant(
        "trial",
        "notifications_event",
        "SELECT position FROM notifications_event"
        " WHERE position > %(after)s AND position <= %(upto)s",
        key="position",
    )

    finding = of_the_log.look(every, now=NOON)

    assert finding.broken == finding.looked_at == log.state().head > of_the_log.MOST_NAMED
    assert len(finding.offenders) == of_the_log.MOST_NAMED


def test_the_audit_only_reads(order: Order) -> None:
    is_read_only = {
        "postgresql": "SET default_transaction_read_only = {}",
        "sqlite": "PRAGMA query_only = {}",
    }
    with connection.cursor() as cursor:
        cursor.execute(is_read_only[connection.vendor].format("on"))
        try:
            with pytest.raises(DatabaseError):
                Order.objects.update(note="")
            assert broken() == {}
        finally:
            cursor.execute(is_read_only[connection.vendor].format("off"))


def test_of_two_clocks_one_audits_at_night_and_staff_hear_of_what_is_wrong(
    order: Order, caplog: pytest.LogCaptureFixture
) -> None:
    head = log.state().head
    assert audit.at_night(now=NOON) == []
    assert log.state().head == head
    StockItem.objects.update(reserved=3)

    assert audit.at_night(now=NOON) == []
    [finding] = audit.at_night(now=NOON + timedelta(days=1))

    event = Event.objects.get(position=head + 1)
    assert (event.topic, event.data["notification_type"]) == ("staff.ops", "error")
    assert event.data["data"] == {"invariants": ["what is reserved is what checkouts hold"]}
    assert event.texts == {"message": [audit.MESSAGE, {}]}
    assert "audit found something" in caplog.text
    assert finding.offenders[0].endswith("3 reserved, 0 held")
