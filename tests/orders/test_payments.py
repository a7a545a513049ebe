"""Payments: however and whenever a provider speaks, money has one order or goes back."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from catalog.models import StockItem, Variant
from museo.access import idempotency
from museo.access.callers import Caller, caller_for_user
from museo.access.models import User
from museo.access.problems import NotAllowed, NotFound
from notifications import topics
from notifications.models import Event
from orders import adjustments, baskets, checkout, outcomes, payments, tasks
from orders.details import Details
from orders.holds import CheckoutInProgress
from orders.models import Checkout, Order, OrderTicket, Payment, PaymentEvent, Refund
from orders.payments import PROVIDERS, asking, demo, settlement
from orders.payments.charges import BadNews, Charge, ChargeRequest, Outcome, PaidBack
from orders.tracking import Placed
from tests.orders.conftest import PURCHASE, SellLamp, far_away
from tests.together import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.both_in_long]

WEBHOOK = "/api/v1/payment/webhooks/demo"
DEADLINE = timedelta(minutes=15)


class Killed(BaseException):
    """What a process sees last."""


@pytest.fixture
def guest(sell: SellLamp, noon: datetime) -> Caller:
    """Somebody with two lamps of three in the basket."""
    sell(price=12900, on_hand=3)
    return Caller(basket_token=baskets.add(Caller(), sku="LAMP", quantity=2, now=noon).token)


def begin(guest: Caller, details: Details, token: str, now: datetime) -> Payment:
    """A checkout whose payment has not ended."""
    with pytest.raises((outcomes.PaymentActionRequired, outcomes.PaymentPending)):
        checkout.place(guest, replace(details, payment_token=token), now=now, speed=1.0)
    return Payment.objects.latest("pk")


def hear(payment: Payment, outcome: Outcome, now: datetime) -> settlement.Heard:
    body, headers = demo.news(payment.public_id, outcome)
    return settlement.hear("demo", body, headers, now=now, speed=1.0)


def stock() -> tuple[int, int]:
    item = StockItem.objects.get()
    return item.on_hand, item.reserved


def told(payment: Payment) -> list[str]:
    events = Event.objects.filter(topic=payment.topic).order_by("version")
    return list(events.values_list("type", flat=True))


# the demo bank's late money


def test_money_on_its_way_holds_the_stock_and_places_the_order_when_it_comes(
    guest: Caller, details: Details, noon: datetime
) -> None:
    payment = begin(guest, details, "later", noon)
    assert (payment.state, payment.next_action) == (
        "pending",
        {"type": "wait", "url": f"http://127.0.0.1:8000/pay/{payment.public_id}"},
    )
    assert stock() == (3, 2)
    assert settlement.play_the_demo_bank(now=noon + timedelta(seconds=9), speed=1.0) == 0

    assert settlement.play_the_demo_bank(now=noon + timedelta(seconds=10), speed=1.0) == 1
    assert settlement.play_the_demo_bank(now=noon + timedelta(seconds=20), speed=1.0) == 0

    order = Order.objects.get()
    assert (order.payment_status, order.paid, stock()) == ("paid", order.total, (1, 0))
    assert told(payment) == ["payment.pending", "payment.captured"]
    assert PaymentEvent.objects.get().reference == payment.public_id


def test_the_work_process_plays_the_bank_and_looks_after_what_was_left(
    guest: Caller, details: Details, settings: Settings
) -> None:
    begin(guest, details, "later", timezone.now() - timedelta(minutes=3))
    providers = settings.MUSEO_PAYMENT_PROVIDERS
    settings.MUSEO_PAYMENT_PROVIDERS = ["manual"]
    assert tasks.play_the_demo_bank() == 0
    settings.MUSEO_PAYMENT_PROVIDERS = providers

    assert (tasks.look_after_payments(), tasks.play_the_demo_bank()) == (1, 1)

    assert Order.objects.get().payment_status == "paid"
    assert (tasks.look_after_payments(), tasks.play_the_demo_bank()) == (0, 0)


def test_a_basket_whose_money_is_on_its_way_is_not_paid_for_again(
    guest: Caller, details: Details, noon: datetime
) -> None:
    begin(guest, details, "later", noon)

    with pytest.raises(CheckoutInProgress):
        checkout.place(guest, details, now=noon, speed=1.0)


def test_a_webhook_that_comes_twice_works_once(
    guest: Caller, details: Details, noon: datetime
) -> None:
    payment = begin(guest, details, "later", noon)

    first, second = (hear(payment, Outcome.CAPTURED, noon) for _ in "12")

    assert (first.is_new, second.is_new) == (True, False)
    assert Order.objects.count() == PaymentEvent.objects.count() == 1
    assert told(payment) == ["payment.pending", "payment.captured"]


@pytest.mark.parametrize("after", [Outcome.DECLINED, Outcome.PENDING, Outcome.NEEDS_ACTION])
def test_what_comes_out_of_order_moves_nothing_back(
    guest: Caller, details: Details, noon: datetime, after: Outcome
) -> None:
    payment = begin(guest, details, "later", noon)
    hear(payment, Outcome.CAPTURED, noon)

    assert hear(payment, after, noon).is_known

    payment.refresh_from_db()
    assert (payment.state, Order.objects.get().payment_status) == ("captured", "paid")
    assert stock() == (1, 0)
    assert PaymentEvent.objects.count() == 2


def test_a_payment_that_is_lost_gives_the_stock_back_and_money_after_all_buys(
    guest: Caller, details: Details, noon: datetime
) -> None:
    payment = begin(guest, details, "later", noon)
    hear(payment, Outcome.DECLINED, noon)
    payment.refresh_from_db()
    assert (payment.state, payment.error_code, stock()) == ("failed", "card_declined", (3, 0))

    hear(payment, Outcome.CAPTURED, noon)

    payment.refresh_from_db()
    assert (payment.state, stock()) == ("captured", (1, 0))
    assert payment.order == Order.objects.get()


def test_money_after_the_deadline_buys_while_there_is_stock(
    guest: Caller, details: Details, noon: datetime
) -> None:
    payment = begin(guest, details, "later", noon)
    assert checkout.release_expired(now=noon + DEADLINE) == 1
    assert stock() == (3, 0)

    hear(payment, Outcome.CAPTURED, noon + DEADLINE)

    order = Order.objects.get()
    assert (order.checkout.state, order.payment_status) == ("completed", "paid")
    assert stock() == (1, 0)
    assert not baskets.show(baskets.find(guest), locale="en", now=noon)["lines"]


def test_money_after_the_deadline_goes_back_when_the_stock_is_gone(
    guest: Caller, details: Details, noon: datetime
) -> None:
    payment = begin(guest, details, "later", noon)
    checkout.release_expired(now=noon + DEADLINE)
    StockItem.objects.update(on_hand=1)

    hear(payment, Outcome.CAPTURED, noon + DEADLINE)

    payment.refresh_from_db()
    assert (payment.state, payment.order, payment.refunded) == ("surplus", None, payment.amount)
    assert Refund.objects.get().state == "succeeded"
    assert not Order.objects.exists()
    assert stock() == (1, 0)
    assert told(payment) == ["payment.pending", "payment.surplus", "payment.refunded"]


@pytest.mark.parametrize("is_counted", [True, False])
def test_money_for_what_is_sold_no_more_goes_back(
    guest: Caller, details: Details, noon: datetime, is_counted: bool
) -> None:
    Variant.objects.update(track_stock=is_counted)
    payment = begin(guest, details, "later", noon)
    checkout.release_expired(now=noon + DEADLINE)
    Variant.objects.all().delete()

    hear(payment, Outcome.CAPTURED, noon + DEADLINE)

    payment.refresh_from_db()
    assert (payment.state, payment.order, payment.refunded) == ("surplus", None, payment.amount)
    assert not Order.objects.exists()


def test_money_for_a_basket_that_was_bought_in_another_way_goes_back(
    guest: Caller, details: Details, noon: datetime
) -> None:
    payment = begin(guest, details, "needs_action", noon)
    checkout.place(guest, details, now=noon, speed=1.0)

    hear(payment, Outcome.CAPTURED, noon)

    payment.refresh_from_db()
    assert (payment.state, payment.refunded) == ("surplus", payment.amount)
    assert Order.objects.count() == 1


def test_a_charge_that_ends_when_the_deadline_passes_is_neither_lost_nor_kept(
    guest: Caller, details: Details, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider takes its time; meanwhile the stock was given back, and sold."""

    def slow(request: ChargeRequest) -> Charge:
        checkout.release_expired(now=noon + DEADLINE)
        StockItem.objects.update(on_hand=0)
        return demo.charge(request)

    monkeypatch.setitem(PROVIDERS, "demo", far_away(slow))

    with pytest.raises(outcomes.PaymentTooLate):
        checkout.place_once(guest, PURCHASE, key="k", now=noon, speed=1.0)

    payment = Payment.objects.get()
    again = checkout.place_once(guest, PURCHASE, key="k", now=noon, speed=1.0)
    assert (again.is_replay, again.body["code"]) == (True, "payment_too_late")
    assert (payment.state, payment.refunded) == ("surplus", payment.amount)


# processes that die


@pytest.fixture
def dies_after_the_charge(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ChargeRequest]]:
    """The provider has the money, and whoever asked for it is gone."""
    asked: list[ChargeRequest] = []

    def charge(request: ChargeRequest) -> Charge:
        asked.append(request)
        demo.charge(request)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setitem(PROVIDERS, "demo", far_away(charge))
        yield asked


def test_a_payment_left_in_the_middle_is_asked_about_by_its_reference_and_gets_its_order(
    guest: Caller, noon: datetime, dies_after_the_charge: list[ChargeRequest]
) -> None:
    with pytest.raises(Killed):
        checkout.place_once(guest, PURCHASE, key="k", now=noon, speed=1.0)
    assert settlement.look_after(now=noon + timedelta(minutes=1), speed=1.0) == 0

    assert settlement.look_after(now=noon + timedelta(minutes=2), speed=1.0) == 1

    payment = Payment.objects.get()
    assert (payment.state, payment.look_at) == ("captured", None)
    assert payment.public_id == dies_after_the_charge[0].reference
    assert Order.objects.get().payment_status == "paid"
    assert settlement.look_after(now=noon + timedelta(hours=1), speed=1.0) == 0


def test_who_comes_back_with_the_key_gets_the_order_that_the_sweeper_placed(
    guest: Caller,
    noon: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(_request: ChargeRequest) -> Charge:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setitem(PROVIDERS, "demo", far_away(die))
        with pytest.raises(Killed):
            checkout.place_once(guest, PURCHASE, key="k", now=noon, speed=1.0)
    later = noon + timedelta(minutes=2)
    settlement.look_after(now=later, speed=1.0)

    answer = checkout.place_once(guest, PURCHASE, key="k", now=later, speed=1.0)

    order = Order.objects.get()
    assert (answer.status, answer.body["number"]) == (201, order.number)
    opened = Order.objects.visible_to(Caller(tickets=(answer.body["ticket"],)))
    assert opened.get() == order


def test_a_refund_of_late_money_whose_process_died_is_taken_up(
    guest: Caller, details: Details, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = begin(guest, details, "later", noon)
    checkout.release_expired(now=noon + DEADLINE)
    StockItem.objects.update(on_hand=0)

    def die(_request: object) -> PaidBack:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setitem(PROVIDERS, "demo", replace(PROVIDERS["demo"], refund=die))
        with pytest.raises(Killed):
            hear(payment, Outcome.CAPTURED, noon)
    assert Refund.objects.get().state == "requested"

    assert adjustments.settle_left(now=noon + timedelta(minutes=2)) == 1

    payment.refresh_from_db()
    assert (payment.state, payment.refunded) == ("surplus", payment.amount)


@pytest.mark.parametrize("later", [Outcome.DECLINED, Outcome.NEEDS_ACTION, Outcome.PENDING])
def test_whoever_asks_about_money_that_is_here_gets_its_order_whatever_was_said(
    guest: Caller, details: Details, noon: datetime, later: Outcome
) -> None:
    order = checkout.place(guest, details, now=noon, speed=1.0).order

    said = outcomes.conclude(
        Payment.objects.get(), Charge(later, provider_reference=""), now=noon, speed=1.0
    )

    assert said.order == order
    assert Payment.objects.get().state == "captured"


# by hand


@pytest.mark.parametrize("token", ["invoice", "cash"])
def test_an_order_on_account_is_placed_and_paid_later_by_staff(
    guest: Caller, details: Details, staff: Caller, noon: datetime, token: str
) -> None:
    owing = replace(details, payment_provider="manual", payment_token=token)

    order = checkout.place(guest, owing, now=noon, speed=1.0).order

    payment = Payment.objects.get()
    assert (order.payment_status, order.paid, payment.state) == ("pending", 0, "owed")
    assert (payment.method, payment.order, stock()) == (token, order, (1, 0))
    with pytest.raises(NotFound):
        settlement.mark_paid(Caller(), order.number, now=noon)

    for _again in "12":
        settlement.mark_paid(staff, order.number, now=noon)

    order.refresh_from_db()
    assert (order.payment_status, order.paid) == ("paid", order.total)
    assert told(payment) == ["payment.owed", "payment.captured"]
    adjustments.refund(staff, order.number, amount=100, now=noon)
    order.refresh_from_db()
    assert (order.payment_status, order.paid_back) == ("partially_refunded", 100)


def test_only_staff_receive_money_and_only_what_is_owed(
    guest: Caller, details: Details, staff: Caller, noon: datetime
) -> None:
    placed = checkout.place(guest, details, now=noon, speed=1.0)

    with pytest.raises(NotAllowed):
        settlement.mark_paid(Caller(tickets=(placed.ticket,)), placed.order.number, now=noon)
    with pytest.raises(outcomes.NothingOwed):
        settlement.mark_paid(staff, placed.order.number, now=noon)


def test_a_cancelled_order_owes_nothing(
    guest: Caller, details: Details, staff: Caller, noon: datetime
) -> None:
    owing = replace(details, payment_provider="manual", payment_token="invoice")
    order = checkout.place(guest, owing, now=noon, speed=1.0).order

    adjustments.cancel(staff, order.number, now=noon)

    order.refresh_from_db()
    assert (order.payment_status, Payment.objects.get().state) == ("unpaid", "cancelled")
    assert not Refund.objects.exists()
    with pytest.raises(outcomes.NothingOwed):
        settlement.mark_paid(staff, order.number, now=noon)


# what the database keeps


def test_the_database_keeps_payments_and_orders_together(
    guest: Caller, details: Details, noon: datetime
) -> None:
    order = checkout.place(guest, details, now=noon, speed=1.0).order
    payment = Payment.objects.get()

    def capture_again() -> None:
        second = Checkout.objects.get()
        second.pk, second.public_id, second.state = None, "chk_other", "canceled"
        second.save()
        payment.pk, payment.public_id, payment.provider_reference = None, "pay_other", ""
        payment.checkout = second
        payment.save()

    refused: list[Callable[[], object]] = [
        lambda: Payment.objects.update(order=None),
        lambda: Payment.objects.update(state="surplus"),
        lambda: Order.objects.update(payment_status="unpaid"),
        lambda: Order.objects.update(paid=order.total - 1),
        lambda: Order.objects.update(payment_status="refunded"),
        capture_again,
    ]
    for change in refused:
        with pytest.raises(IntegrityError), transaction.atomic():
            change()
    PaymentEvent.objects.create(provider="demo", event_id="1", type="x", at=noon)
    with pytest.raises(IntegrityError), transaction.atomic():
        PaymentEvent.objects.create(provider="demo", event_id="1", type="x", at=noon)
    with pytest.raises(DatabaseError), transaction.atomic():
        PaymentEvent.objects.update(type="y")


def test_no_card_and_no_secret_is_kept_or_told(
    guest: Caller, details: Details, noon: datetime
) -> None:
    card = replace(details, payment_token="4242424242424242")
    with pytest.raises(outcomes.PaymentDeclined):
        checkout.place(guest, card, now=noon, speed=1.0)

    rows = str([list(model.objects.values()) for model in (Payment, Event, PaymentEvent)])
    assert "4242" not in rows


def test_a_payment_is_heard_of_by_whose_it_is(
    guest: Caller, details: Details, staff: Caller, noon: datetime
) -> None:
    placed = checkout.place(guest, details, now=noon, speed=1.0)
    topic = Payment.objects.get().topic
    user = caller_for_user(User.objects.create_user("other@museo.example"), locale="en")
    owner = Caller(tickets=(placed.ticket,))

    readers = [guest, owner, staff, Caller(), user, Caller(basket_token="x", tickets=("y",))]
    with CaptureQueriesContext(connection) as captured:
        found = topics.readable_by_each([(caller, {topic, "payment.x"}) for caller in readers])

    assert [bool(names) for names in found] == [True, True, True, False, False, False]
    assert sum("orders_payment" in query["sql"] for query in captured.captured_queries) == 1
    assert topics.snapshots([topic], "en")[topic]["state"] == "captured"


# many at once


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("turn", range(2))
def test_twenty_who_settle_one_payment_place_one_order(
    guest: Caller, details: Details, noon: datetime, turn: int
) -> None:
    """Webhooks, the sweeper, the customer's page: whoever is first."""
    payment = begin(guest, details, "needs_action", noon)
    captured = Charge(Outcome.CAPTURED, provider_reference=f"demo_{payment.public_id}")
    ways: list[Callable[[], object]] = [
        partial(hear, payment, Outcome.CAPTURED, noon),
        partial(settlement.settle, payment, captured, now=noon, speed=1.0),
        partial(outcomes.finish_payment, payment.public_id, approved=True, now=noon, speed=1.0),
        partial(checkout.release_expired, now=noon + DEADLINE),
    ]

    results = at_once([ways[index % 4] for index in range(20)])

    strange = [
        result
        for result in results
        if isinstance(result, Exception) and not isinstance(result, outcomes.UnknownPayment)
    ]
    assert strange == []
    payment.refresh_from_db()
    assert (payment.state, Order.objects.count()) == ("captured", 1)
    assert stock() == (1, 0)
    assert told(payment).count("payment.captured") == 1


@pytest.mark.usefixtures("committed")
def test_twenty_tries_of_one_key_capture_once(guest: Caller, noon: datetime) -> None:
    buy = partial(checkout.place_once, guest, PURCHASE, key="k", now=noon, speed=1.0)

    results = at_once([buy] * 20)

    answers = [result for result in results if isinstance(result, idempotency.Answer)]
    assert answers
    assert {answer.body["number"] for answer in answers} == {Order.objects.get().number}
    assert Payment.objects.filter(state="captured").count() == 1


@pytest.mark.usefixtures("committed")
def test_who_settles_without_looking_places_two_orders_or_fails(
    guest: Caller, details: Details, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: without the condition on the checkout, the second one does it all again."""
    payment = begin(guest, details, "needs_action", noon)
    captured = Charge(Outcome.CAPTURED, provider_reference="demo_x")
    monkeypatch.setattr(outcomes, "_leave", lambda _payment, _state: True)

    results = [_write(payment, captured, noon) for _ in "12"]

    assert [type(result) for result in results] == [Placed, IntegrityError]


def _write(payment: Payment, charge: Charge, now: datetime) -> object:
    try:
        return outcomes.write(payment, charge, now=now, speed=1.0)
    except IntegrityError as error:
        return error


# REST and pages


def test_the_providers_say_what_works_here(client: Client, settings: Settings) -> None:
    settings.MUSEO_PAYMENT_PROVIDERS = ["demo", "stripe"]

    listed = client.get("/api/v1/payment/providers").json()["results"]

    assert [(row["code"], row["kind"], row["configured"]) for row in listed] == [
        ("demo", "instant", True),
        ("manual", "later", False),
        ("stripe", "redirect", False),
    ]
    assert listed[0]["currencies"] == ["EUR"]
    assert listed[1]["methods"][0] == {"code": "invoice", "label": "Invoice"}


def test_a_provider_that_is_not_configured_says_what_is_missing(
    guest: Caller, details: Details, noon: datetime, settings: Settings
) -> None:
    settings.MUSEO_PAYMENT_PROVIDERS = ["demo", "stripe"]

    for provider, said in (("stripe", "Set STRIPE_SECRET_KEY"), ("manual", "Choose one of: demo")):
        with pytest.raises(payments.NotConfigured, match=said):
            checkout.place(guest, replace(details, payment_provider=provider), now=noon, speed=1.0)

    assert not Checkout.objects.exists()


def test_a_webhook_over_rest_is_taken_once_and_only_from_the_bank(
    guest: Caller, details: Details, noon: datetime, client: Client
) -> None:
    payment = begin(guest, details, "later", noon)
    body, headers = demo.news(payment.public_id, Outcome.CAPTURED)

    def post(data: bytes, path: str = WEBHOOK, **headers: str) -> Any:
        return client.generic("POST", path, data, "application/json", headers=headers)

    for wrong in ({}, {demo.SIGNATURE: "0" * 64}, {demo.SIGNATURE: "é\x00"}):
        refused = post(body, **wrong)
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_signature")
    assert post(body + b" ", **headers).status_code == 400
    assert post(b"\xff", **headers).status_code == 400
    assert post(body, "/api/v1/payment/webhooks/paypal", **headers).status_code == 404
    assert post(body, "/api/v1/payment/webhooks/manual", **headers).status_code == 404
    assert not PaymentEvent.objects.exists()

    first, second = (post(body, **headers) for _ in "12")

    assert first.json() == {"received": True, "duplicate": False, "known": True}
    assert second.json()["duplicate"]
    assert Order.objects.count() == 1
    unknown, signed = demo.news("pay_none", Outcome.CAPTURED)
    assert post(unknown, **signed).json() == {"received": True, "duplicate": False, "known": False}


def test_an_order_on_account_over_rest_is_marked_paid_by_staff(
    guest: Caller, client: Client, staff: Caller
) -> None:
    body = {**PURCHASE, "payment": {"provider": "manual", "token": "invoice"}}
    headers = {"Idempotency-Key": "k", "X-Basket-Token": guest.basket_token}
    placed = client.post("/api/v1/orders/checkout", body, "application/json", headers=headers)
    assert (placed.status_code, placed.json()["payment"]) == (201, {"status": "pending"})
    path = f"/api/v1/admin/orders/{placed.json()['number']}/mark-paid"
    assert client.post(path).status_code == 404
    client.force_login(User.objects.get(is_staff=True))

    answers = [client.post(path) for _ in "12"]

    assert [answer.json()["payment_status"] for answer in answers] == ["paid", "paid"]


def test_money_on_its_way_over_rest_says_where_to_wait(guest: Caller, client: Client) -> None:
    body = {**PURCHASE, "payment": {"provider": "demo", "token": "later"}}
    headers = {"Idempotency-Key": "k", "X-Basket-Token": guest.basket_token}

    first, second = (
        client.post("/api/v1/orders/checkout", body, "application/json", headers=headers)
        for _ in "12"
    )

    assert (first.status_code, first.json()["code"]) == (409, "payment_pending")
    assert first.json()["next_action"]["type"] == "wait"
    assert second.json()["payment_id"] == first.json()["payment_id"]
    assert second["Idempotent-Replayed"] == "true"


def test_the_page_waits_for_money_and_leads_its_customer_to_the_order(
    guest: Caller, details: Details, noon: datetime, client: Client
) -> None:
    payment = begin(guest, details, "later", noon)
    page = f"/pay/{payment.public_id}"
    client.cookies["museo_basket"] = guest.basket_token
    waiting = client.get(page).content.decode()
    assert "Your payment is on its way" in waiting
    assert 'http-equiv="refresh"' in waiting

    hear(payment, Outcome.CAPTURED, noon)

    assert "Your payment of €261.90 has arrived" in Client().get(page).content.decode()
    landed = client.get(page)
    number = Order.objects.get().number
    assert landed.headers["Location"] == f"/orders/{number}"
    assert number in client.get(landed.headers["Location"]).content.decode()
    tickets = OrderTicket.objects.count()
    assert client.get(page).headers["Location"] == f"/orders/{number}"
    assert OrderTicket.objects.count() == tickets


def test_staff_receive_and_ask_again_in_the_admin(
    guest: Caller, details: Details, noon: datetime, client: Client
) -> None:
    owing = replace(details, payment_provider="manual", payment_token="cash")
    checkout.place(guest, owing, now=noon, speed=1.0)
    payment = Payment.objects.get()
    clerk = User.objects.create_user("clerk@museo.example", is_staff=True)
    clerk.groups.add(Group.objects.get(name="support"))
    client.force_login(clerk)
    listed = client.get("/admin/orders/payment/")
    assert "Cash on delivery" in listed.content.decode()
    chosen = {"_selected_action": payment.pk}

    client.post("/admin/orders/payment/", {"action": "mark_paid", **chosen})

    payment.refresh_from_db()
    assert payment.state == "captured"
    page = client.get(f"/admin/orders/payment/{payment.pk}/change/")
    assert payment.provider_reference in page.content.decode()
    again = client.post("/admin/orders/payment/", {"action": "look_again", **chosen})
    assert again.status_code == 302


def test_staff_ask_again_about_one_payment(
    guest: Caller, details: Details, staff: Caller, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = begin(guest, details, "later", noon)
    captured = Charge(Outcome.CAPTURED, provider_reference=payment.provider_reference)
    monkeypatch.setattr(asking, "look", lambda _payment: captured)
    with pytest.raises(NotAllowed):
        settlement.look_again(guest, payment.public_id, now=noon, speed=1.0)

    asked = settlement.look_again(staff, payment.public_id, now=noon, speed=1.0)

    assert (asked.state, Order.objects.count()) == ("captured", 1)


def test_a_forged_webhook_is_bad_news(noon: datetime) -> None:
    with pytest.raises(BadNews):
        settlement.hear("demo", b"{}", {}, now=noon, speed=1.0)
