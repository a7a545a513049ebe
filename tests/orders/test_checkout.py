"""From a basket to an order."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from catalog.models import StockItem, StockMovement, StockReservation
from catalog.stock import OutOfStock
from museo.access import idempotency
from museo.access.callers import Caller
from museo.access.models import IdempotencyKey
from museo.access.problems import Invalid
from museo.access.tokens import digest
from notifications.models import Event
from orders import baskets, checkout, offers, outcomes
from orders.details import Details
from orders.models import Checkout, Order, OrderTicket, Payment
from orders.payments import PROVIDERS, demo
from orders.payments.charges import Charge
from orders.tracking import Placed
from tests.orders.conftest import ADDRESS, SellLamp, far_away

pytestmark = [pytest.mark.django_db, pytest.mark.both]

BODY = {"email": "maya@example.org", "name": "Maya Okafor", "address": ADDRESS}


def basket_of(sku: str, quantity: int, now: datetime) -> Caller:
    opened = baskets.add(Caller(), sku=sku, quantity=quantity, now=now)
    return Caller(basket_token=opened.token)


def test_an_order_copies_its_lines_takes_the_stock_and_empties_the_basket(
    sell: SellLamp, details: Details, noon: datetime
) -> None:
    lamp = sell(price=12900, on_hand=10)
    guest = basket_of("LAMP", 2, noon)

    placed = checkout.place(guest, details, now=noon, speed=1.0)

    order = placed.order
    line = order.lines.get()
    assert (line.sku, line.quantity, line.unit_price, line.total) == (
        "LAMP",
        2,
        12900,
        25800,
    )
    assert [part["amount"] for part in order.totals] == [25800, 390, 26190]
    assert (order.status, order.payment_status, order.total) == (
        "placed",
        "paid",
        26190,
    )
    item = StockItem.objects.get(variant=lamp)
    assert (item.on_hand, item.reserved) == (8, 0)
    assert StockMovement.objects.get(kind="sale").delta == -2
    opened = baskets.find(guest)
    assert opened is not None
    assert not opened.basket.lines.exists()


def test_an_order_is_told_as_version_1_of_its_topic(
    sell: SellLamp, buy: Callable[..., Placed], noon: datetime
) -> None:
    sell()

    order = buy().order

    event = Event.objects.get(topic=order.topic)
    assert (event.type, event.version, event.at) == ("order.placed", 1, noon)
    assert event.data == {
        "order_id": order.number,
        "status": "placed",
        "eta": "2026-11-20T12:12:00.000Z",
        "step": 0,
        "steps": 4,
        "late": False,
    }
    assert Event.objects.get(type="payment.captured").data["order_id"] == order.number


def test_the_ticket_is_kept_only_as_its_digest(sell: SellLamp, buy: Callable[..., Placed]) -> None:
    sell()

    placed = buy()

    assert OrderTicket.objects.get().token_hash == digest(placed.ticket)
    seen = Order.objects.visible_to(Caller(tickets=(placed.ticket,)))
    assert seen.get() == placed.order
    assert not Order.objects.visible_to(Caller(tickets=("another",))).exists()
    assert not Order.objects.visible_to(Caller()).exists()


def test_a_declined_payment_gives_the_stock_back_and_keeps_the_basket(
    sell: SellLamp, details: Details, noon: datetime
) -> None:
    lamp = sell(on_hand=3)
    guest = basket_of("LAMP", 3, noon)

    with pytest.raises(outcomes.PaymentDeclined):
        checkout.place(guest, replace(details, payment_token="declined"), now=noon, speed=1.0)

    item = StockItem.objects.get(variant=lamp)
    assert (item.on_hand, item.reserved) == (3, 0)
    assert not Order.objects.exists()
    assert {event.type for event in Event.objects.all()} == {"payment.failed", "stock.back"}
    placed = checkout.place(guest, details, now=noon, speed=1.0)
    assert placed.order.lines.get().quantity == 3


def test_a_payment_that_needs_action_is_finished_by_its_customer(
    sell: SellLamp, details: Details, noon: datetime
) -> None:
    lamp = sell(on_hand=3)
    guest = basket_of("LAMP", 2, noon)

    with pytest.raises(outcomes.PaymentActionRequired) as raised:
        checkout.place(guest, replace(details, payment_token="needs_action"), now=noon, speed=1.0)
    payment_id = raised.value.facts["payment_id"]
    assert raised.value.facts["next_action"]["url"].endswith(f":8000/pay/{payment_id}")
    assert StockItem.objects.get(variant=lamp).reserved == 2

    placed = outcomes.finish_payment(payment_id, approved=True, now=noon, speed=1.0)

    assert placed.order.payment_status == "paid"
    assert Payment.objects.get().state == "captured"
    with pytest.raises(outcomes.UnknownPayment):
        outcomes.finish_payment(payment_id, approved=True, now=noon, speed=1.0)
    assert Order.objects.count() == 1


def test_a_payment_refused_by_its_customer_gives_the_stock_back(
    sell: SellLamp, details: Details, noon: datetime
) -> None:
    lamp = sell(on_hand=3)
    guest = basket_of("LAMP", 2, noon)
    with pytest.raises(outcomes.PaymentActionRequired) as raised:
        checkout.place(guest, replace(details, payment_token="needs_action"), now=noon, speed=1.0)

    with pytest.raises(outcomes.PaymentDeclined):
        outcomes.finish_payment(
            raised.value.facts["payment_id"], approved=False, now=noon, speed=1.0
        )

    item = StockItem.objects.get(variant=lamp)
    assert (item.on_hand, item.reserved) == (3, 0)


def test_a_new_try_replaces_one_that_waits_for_its_customer(
    sell: SellLamp, details: Details, noon: datetime
) -> None:
    lamp = sell(on_hand=2)
    guest = basket_of("LAMP", 2, noon)
    with pytest.raises(outcomes.PaymentActionRequired):
        checkout.place(guest, replace(details, payment_token="needs_action"), now=noon, speed=1.0)

    checkout.place(guest, details, now=noon, speed=1.0)

    item = StockItem.objects.get(variant=lamp)
    assert (item.on_hand, item.reserved) == (0, 0)
    assert sorted(Checkout.objects.values_list("state", flat=True)) == [
        "canceled",
        "completed",
    ]


def test_stock_that_nobody_paid_for_is_released_after_its_deadline(
    sell: SellLamp, details: Details, noon: datetime
) -> None:
    lamp = sell(on_hand=2)
    guest = basket_of("LAMP", 2, noon)
    with pytest.raises(outcomes.PaymentActionRequired) as raised:
        checkout.place(guest, replace(details, payment_token="needs_action"), now=noon, speed=1.0)

    assert checkout.release_expired(now=noon + timedelta(minutes=14)) == 0
    assert checkout.release_expired(now=noon + timedelta(minutes=15)) == 1

    assert StockItem.objects.get(variant=lamp).reserved == 0
    assert StockReservation.objects.get().state == "released"
    with pytest.raises(outcomes.UnknownPayment):
        outcomes.finish_payment(
            raised.value.facts["payment_id"], approved=True, now=noon, speed=1.0
        )


def test_a_sku_that_sold_out_meanwhile_is_refused_and_nothing_changes(
    sell: SellLamp, details: Details, noon: datetime
) -> None:
    lamp = sell(on_hand=2)
    guest = basket_of("LAMP", 2, noon)
    StockItem.objects.filter(variant=lamp).update(on_hand=1)

    with pytest.raises(OutOfStock) as raised:
        checkout.place(guest, details, now=noon, speed=1.0)

    assert raised.value.facts == {"sku": "LAMP", "available": 1}
    assert not Checkout.objects.exists()
    assert not Event.objects.exists()
    assert StockItem.objects.get(variant=lamp).reserved == 0


def test_an_empty_basket_cannot_be_bought(details: Details, noon: datetime) -> None:
    with pytest.raises(offers.BasketEmpty):
        checkout.place(Caller(), details, now=noon, speed=1.0)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"email": "maya"}, "/email"),
        # mail would go to maya@example.org
        ({"email": "=?utf-8?q?maya?=@example.org"}, "/email"),
        ({"email": None}, "/email"),
        ({"email": ["a@b.fi"]}, "/email"),
        ({"name": ""}, "/name"),
        ({"name": "x" * 121}, "/name"),
        ({"name": "a\x00b"}, "/name"),
        ({"address": None}, "/address/line1"),
        ({"address": "somewhere"}, "/address/city"),
        ({"address": {**ADDRESS, "country": "Finland"}}, "/address/country"),
        ({"address": {**ADDRESS, "country": "1!"}}, "/address/country"),
        ({"address": {**ADDRESS, "country": "XX"}}, "/address/country"),
        ({"address": {**ADDRESS, "country": "ß"}}, "/address/country"),
        ({"delivery": "rocket"}, "/delivery"),
        ({"delivery": 7}, "/delivery"),
        ({"payment": {"provider": "bitcoin"}}, "/payment/provider"),
        ({"payment": {"token": 5}}, "/payment/token"),
        ({"expected_total": "12"}, "/expected_total"),
    ],
)
def test_bad_details_are_named_by_pointer(change: dict[str, object], pointer: str) -> None:
    with pytest.raises(Invalid) as raised:
        Details.parse({**BODY, **change})

    assert pointer in [error["pointer"] for error in raised.value.errors]


def test_the_same_key_buys_once_and_answers_twice(sell: SellLamp, noon: datetime) -> None:
    sell()
    guest = basket_of("LAMP", 1, noon)

    first = checkout.place_once(guest, BODY, key="k1", now=noon, speed=1.0)
    second = checkout.place_once(guest, BODY, key="k1", now=noon, speed=1.0)

    assert (first.status, first.is_replay, second.is_replay) == (201, False, True)
    assert first.body == second.body
    assert Order.objects.count() == 1
    assert str(first.body["ticket"]) not in IdempotencyKey.objects.get().answer


def test_the_same_key_with_another_body_is_refused(sell: SellLamp, noon: datetime) -> None:
    sell()
    guest = basket_of("LAMP", 1, noon)
    checkout.place_once(guest, BODY, key="k1", now=noon, speed=1.0)

    with pytest.raises(idempotency.KeyReused):
        checkout.place_once(guest, {**BODY, "name": "Sam"}, key="k1", now=noon, speed=1.0)


def test_a_refusal_that_changed_nothing_frees_its_key(
    sell: SellLamp, details: Details, noon: datetime
) -> None:
    lamp = sell(on_hand=1)
    guest = basket_of("LAMP", 1, noon)
    StockItem.objects.filter(variant=lamp).update(on_hand=0)
    with pytest.raises(OutOfStock):
        checkout.place_once(guest, BODY, key="k1", now=noon, speed=1.0)
    StockItem.objects.filter(variant=lamp).update(on_hand=1)

    answer = checkout.place_once(guest, BODY, key="k1", now=noon, speed=1.0)

    assert answer.status == 201


def test_a_decline_is_answered_again_under_its_key(sell: SellLamp, noon: datetime) -> None:
    sell()
    guest = basket_of("LAMP", 1, noon)
    body = {**BODY, "payment": {"provider": "demo", "token": "declined"}}
    with pytest.raises(outcomes.PaymentDeclined):
        checkout.place_once(guest, body, key="k1", now=noon, speed=1.0)

    answer = checkout.place_once(guest, body, key="k1", now=noon, speed=1.0)

    assert (answer.status, answer.body["code"], answer.is_replay) == (
        409,
        "payment_declined",
        True,
    )


def test_a_key_in_flight_is_taken_up_where_it_stood_when_its_lease_is_over(
    sell: SellLamp, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    lamp = sell(on_hand=5)
    guest = basket_of("LAMP", 1, noon)

    class Killed(BaseException):
        pass

    def die(_request: object) -> Charge:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setitem(PROVIDERS, "demo", far_away(die))
        with pytest.raises(Killed):
            checkout.place_once(guest, BODY, key="k1", now=noon, speed=1.0)
    begun = Checkout.objects.get()

    later = noon + idempotency.LEASE
    answer = checkout.place_once(guest, BODY, key="k1", now=later, speed=1.0)

    assert answer.status == 201
    assert Order.objects.get().checkout == begun
    item = StockItem.objects.get(variant=lamp)
    assert (item.on_hand, item.reserved) == (4, 0)


def test_another_sum_than_was_agreed_to_is_not_charged(
    sell: SellLamp, details: Details, noon: datetime
) -> None:
    sell(price=12900)
    guest = basket_of("LAMP", 1, noon)

    with pytest.raises(checkout.TotalChanged):
        checkout.place(guest, replace(details, expected_total=12900), now=noon, speed=1.0)
    assert not Checkout.objects.exists()

    agreed = replace(details, expected_total=12900 + 390)
    assert checkout.place(guest, agreed, now=noon, speed=1.0).order.total == 13290


def test_what_nobody_far_away_is_asked_for_is_sold_without_being_reserved(
    sell: SellLamp, details: Details, noon: datetime
) -> None:
    lamp = sell(on_hand=3)

    placed = checkout.place(basket_of("LAMP", 2, noon), details, now=noon, speed=1.0)

    assert not StockReservation.objects.exists()
    assert StockItem.objects.get(variant=lamp).on_hand == 1
    payment = Payment.objects.get()
    assert (payment.state, payment.order, payment.look_at) == ("captured", placed.order, None)
    assert payment.provider_reference == f"demo_{payment.public_id}"
    assert payment.checkout.state == "completed"


def test_the_order_is_the_same_when_somebody_far_away_was_asked(
    sell: SellLamp, details: Details, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell()
    at_once = checkout.place(basket_of("LAMP", 2, noon), details, now=noon, speed=1.0)
    monkeypatch.setitem(PROVIDERS, "demo", far_away(demo.charge))

    in_steps = checkout.place(basket_of("LAMP", 2, noon), details, now=noon, speed=1.0)

    assert StockReservation.objects.get().state == "committed"
    assert all_of(at_once.order) == all_of(in_steps.order)


OWN = {
    *("id", "number", "checkout_id", "order_id", "public_id", "provider_reference", "basket_id"),
    # with the ids of the basket's lines; the order has them, too
    "lines",
}


def all_of(order: Order) -> list[dict[str, object]]:
    """All that is kept of an order, but what is another in each."""
    kept: list[Any] = [
        Order.objects.filter(pk=order.pk).values(),
        order.lines.values(),
        order.steps.values(),
        order.payments.values(),
        Checkout.objects.filter(order=order).values(),
        StockMovement.objects.filter(reference=order.number).values("delta", "kind", "at"),
        Event.objects.filter(topic=order.topic).values("type", "version", "at", "texts"),
    ]
    return [
        {name: value for name, value in row.items() if name not in OWN}
        for rows in kept
        for row in rows
    ]


def test_buying_costs_few_queries(
    sell: SellLamp, noon: datetime, django_assert_max_num_queries: Any
) -> None:
    sell("LAMP")
    sell("MUG")
    # what is kept of the terms is read now
    checkout.place_once(basket_of("LAMP", 1, noon), BODY, key="k", now=noon, speed=1.0)

    # a savepoint, and the two tables one after the other, on SQLite
    with django_assert_max_num_queries(2 if connection.vendor == "postgresql" else 5):
        opened = baskets.add(Caller(), sku="LAMP", quantity=1, now=noon)
    guest = Caller(basket_token=opened.token)
    with django_assert_max_num_queries(5):
        opened = baskets.add(guest, sku="MUG", quantity=1, now=noon)
    with django_assert_max_num_queries(1):
        baskets.show(opened, locale="en", now=noon)
    # SQLite's writers queue before BEGIN, whose savepoint is counted here
    with django_assert_max_num_queries(9 if connection.vendor == "postgresql" else 24):
        checkout.place_once(guest, BODY, key="l", now=noon, speed=1.0)
