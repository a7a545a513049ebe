"""Stripe, by its own library against a server that keeps to its API reference."""

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from math import inf
from typing import Any

import pytest
import stripe as library
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from catalog import shop
from catalog.models import Price, StockItem
from museo.access.callers import Caller
from notifications.models import Event
from orders import adjustments, baskets, checkout, checkouts, holds, outcomes
from orders.details import Details
from orders.models import Order, Payment, PaymentEvent, Refund
from orders.payments import settlement, stripe
from orders.payments.charges import ChargeRequest, Outcome, PaidBack, ProviderUnreachable
from tests.orders import stripe_server
from tests.orders.conftest import PURCHASE, SellLamp
from tests.orders.stripe_server import KEY, SECRET, Stripe, signature

pytestmark = [pytest.mark.django_db, pytest.mark.both_in_long]

WEBHOOK = "/api/v1/payment/webhooks/stripe"


@pytest.fixture
def now() -> datetime:
    """The server's clock is the real one: signatures and sessions expire by it."""
    return timezone.now()


@pytest.fixture
def api(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stripe]:
    with stripe_server.serve() as server:
        settings.STRIPE_SECRET_KEY = KEY
        settings.STRIPE_WEBHOOK_SECRET = SECRET
        settings.STRIPE_API_BASE = server.url
        settings.MUSEO_PAYMENT_PROVIDERS = ["stripe"]
        # the library's pauses between two tries
        monkeypatch.setattr(library.HTTPClient, "INITIAL_DELAY", 0.01)
        yield server
    stripe._client_of.cache_clear()


@pytest.fixture
def guest(sell: SellLamp, now: datetime) -> Caller:
    sell(price=12900, on_hand=3)
    return Caller(basket_token=baskets.add(Caller(), sku="LAMP", quantity=2, now=now).token)


@pytest.fixture
def by_card(details: Details) -> Details:
    return replace(details, payment_provider="stripe", payment_token="stripe")


def begin(guest: Caller, details: Details, now: datetime) -> Payment:
    with pytest.raises(outcomes.PaymentActionRequired):
        checkout.place(guest, details, now=now, speed=1.0)
    return Payment.objects.latest("pk")


def post(client: Client, body: bytes, signed: str | None = None) -> Any:
    headers = {"Stripe-Signature": signature(body) if signed is None else signed}
    return client.generic("POST", WEBHOOK, body, "application/json", headers=headers)


def tell(client: Client, api: Stripe, payment: Payment, type: str, id: str = "evt_1") -> Any:
    about = api.sessions[payment.provider_reference]
    return post(client, api.event(f"checkout.session.{type}", about, id=id))


def test_the_customer_pays_on_stripes_page_and_the_webhook_places_the_order(
    api: Stripe, guest: Caller, client: Client
) -> None:
    body = {**PURCHASE, "payment": {"provider": "stripe"}}
    headers = {"Idempotency-Key": "k", "X-Basket-Token": guest.basket_token}
    asked = client.post("/api/v1/orders/checkout", body, "application/json", headers=headers)
    assert (asked.status_code, asked.json()["code"]) == (409, "payment_action_required")
    payment = Payment.objects.get()
    session = api.sessions[payment.provider_reference]
    assert asked.json()["next_action"] == {"type": "redirect", "url": session["url"]}
    assert (session["amount_total"], session["currency"]) == (26190, "eur")
    assert session["client_reference_id"] == payment.public_id
    assert api.asked == [("POST", "/v1/checkout/sessions", payment.public_id)]

    api.pay(payment.provider_reference)
    first, second = (tell(client, api, payment, "completed") for _ in "12")

    assert (first.status_code, first.json()["known"], second.json()["duplicate"]) == (
        200,
        True,
        True,
    )
    order = Order.objects.get()
    assert (order.payment_status, order.total) == ("paid", 26190)
    assert PaymentEvent.objects.get().type == "checkout.session.completed"


def test_the_page_sends_the_customer_on_and_takes_the_one_who_is_back_to_the_order(
    api: Stripe, guest: Caller, by_card: Details, now: datetime, client: Client
) -> None:
    payment = begin(guest, by_card, now - timedelta(seconds=10))
    client.cookies["museo_basket"] = guest.basket_token
    page = client.get(f"/pay/{payment.public_id}").content.decode()
    url = api.sessions[payment.provider_reference]["url"]
    assert f'content="0; url={url}"' in page
    assert f'href="{url}"' in page
    back = client.get(f"/pay/{payment.public_id}?back=1").content.decode()
    assert 'http-equiv="refresh"' not in back

    api.pay(payment.provider_reference)
    done = client.get(f"/pay/{payment.public_id}?done=1")

    # no webhook has come: the page has asked
    assert done.headers["Location"] == f"/orders/{Order.objects.get().number}"
    tell(client, api, payment, "completed")
    assert Order.objects.count() == 1


def test_stripes_page_names_the_shop(
    api: Stripe, guest: Caller, by_card: Details, now: datetime
) -> None:
    shop.keep(replace(shop.current(), name="Amphora"), seconds=inf)

    payment = begin(guest, by_card, now)

    assert api.sessions[payment.provider_reference]["line"] == "Amphora"


def test_slow_money_is_waited_for_and_lost_money_is_said(
    api: Stripe, guest: Caller, by_card: Details, now: datetime, client: Client
) -> None:
    payment = begin(guest, by_card, now)
    api.pay(payment.provider_reference, payment_status="unpaid")

    tell(client, api, payment, "completed")
    payment.refresh_from_db()
    assert (payment.state, Order.objects.count()) == ("pending", 0)
    tell(client, api, payment, "async_payment_failed", "evt_2")

    payment.refresh_from_db()
    assert (payment.state, payment.error_code) == ("failed", "payment_failed")
    assert StockItem.objects.get().reserved == 0
    api.sessions[payment.provider_reference]["payment_status"] = "paid"
    tell(client, api, payment, "async_payment_succeeded", "evt_3")
    payment.refresh_from_db()
    assert (payment.state, Order.objects.count()) == ("captured", 1)


@pytest.mark.parametrize("comes", [True, False])
def test_slow_money_is_waited_for_when_its_checkout_is_over(
    api: Stripe, guest: Caller, by_card: Details, now: datetime, client: Client, comes: bool
) -> None:
    payment = begin(guest, by_card, now - holds.HOLD)
    api.pay(payment.provider_reference, payment_status="unpaid")
    tell(client, api, payment, "completed", id="evt_1")
    client.cookies["museo_basket"] = guest.basket_token
    page, checkout_id = f"/pay/{payment.public_id}", payment.checkout.public_id

    def codes() -> list[str]:
        return [each["code"] for each in checkouts.show(guest, checkout_id)["messages"]]

    assert checkout.release_expired(now=now) == 1
    for _ in range(2):
        assert "Your payment is on its way" in client.get(page).content.decode()
        assert codes() == ["payment_pending"]
        settlement.look_after(now=now, speed=1.0)

    api.sessions[payment.provider_reference]["payment_status"] = "paid" if comes else "unpaid"
    if comes:
        tell(client, api, payment, "async_payment_succeeded", id="evt_2")
        landed = f"/orders/{Order.objects.get().number}"
    else:
        tell(client, api, payment, "async_payment_failed", id="evt_2")
        landed = "/checkout"
        assert codes() == ["canceled"]
    assert client.get(page).headers["Location"] == landed


def test_an_expired_session_that_comes_after_its_payment_changes_nothing(
    api: Stripe, guest: Caller, by_card: Details, now: datetime, client: Client
) -> None:
    payment = begin(guest, by_card, now)
    expired = {**api.sessions[payment.provider_reference], "status": "expired"}
    api.pay(payment.provider_reference)
    tell(client, api, payment, "completed")

    post(client, api.event("checkout.session.expired", expired, id="evt_0"))

    payment.refresh_from_db()
    assert (payment.state, Order.objects.get().payment_status) == ("captured", "paid")


@pytest.mark.parametrize("wrong", ["", "t=1,v1=00", "v1=00", "t=x,v1=é", "other", "old"])
def test_a_webhook_that_stripe_has_not_signed_is_refused(
    api: Stripe, guest: Caller, by_card: Details, now: datetime, client: Client, wrong: str
) -> None:
    payment = begin(guest, by_card, now)
    api.pay(payment.provider_reference)
    body = api.event("checkout.session.completed", api.sessions[payment.provider_reference])
    made = {
        "other": signature(body, secret="whsec_other"),
        "old": signature(body, at=int(time.time()) - 301),
    }

    answer = post(client, body, made.get(wrong, wrong))

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_signature")
    assert not PaymentEvent.objects.exists()
    assert not Order.objects.exists()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"id":1}', b'{"data":{}}'])
def test_a_signed_webhook_that_is_none_is_refused(api: Stripe, client: Client, body: bytes) -> None:
    signed = signature(body)

    assert post(client, body, signed).status_code == 400


def test_what_is_not_ours_is_written_down_and_left_alone(api: Stripe, client: Client) -> None:
    about = {"id": "cs_x", "client_reference_id": "pay_x", "status": "open", "url": "https://x"}
    known = [
        post(client, api.event("checkout.session.expired", about)).json()["known"],
        post(client, api.event("customer.created", {"id": "cus_1"}, id="evt_2")).json()["known"],
    ]

    assert known == [False, False]
    assert PaymentEvent.objects.count() == 2


@pytest.mark.parametrize("trouble", [[500], [503], [409]])
def test_a_request_is_tried_again_under_the_same_key(
    api: Stripe, guest: Caller, by_card: Details, now: datetime, trouble: list[int]
) -> None:
    """Stripe keeps a 500 under its key; the library's retry finds it, and a new try has a new."""
    api.losing = 1

    payment = begin(guest, by_card, now)

    assert [key for _method, _path, key in api.asked] == [payment.public_id] * 2
    assert len(api.sessions) == 1
    api.failing = trouble * 3
    with pytest.raises(outcomes.PaymentDeclined):
        checkout.place(guest, by_card, now=now, speed=1.0)
    failed = Payment.objects.latest("pk")
    assert failed.state == "failed"
    assert failed.error_code


@pytest.mark.parametrize("status", [429, 500])
def test_no_page_of_stripes_is_a_payment_that_failed_and_can_be_tried_again(
    api: Stripe, guest: Caller, by_card: Details, now: datetime, status: int
) -> None:
    api.failing = [status] * 3
    with pytest.raises(outcomes.PaymentDeclined):
        checkout.place(guest, by_card, now=now, speed=1.0)
    assert StockItem.objects.get().reserved == 0
    api.failing = []

    assert begin(guest, by_card, now).state == "requires_action"


def test_a_payment_whose_process_died_is_found_by_the_same_reference(
    api: Stripe, guest: Caller, by_card: Details, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It died after Stripe had made the page, and before it wrote so."""

    class Killed(BaseException):
        pass

    def die(*_arguments: Any, **_options: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(outcomes, "conclude", die)
        with pytest.raises(Killed):
            checkout.place(guest, by_card, now=now, speed=1.0)
    [session] = api.sessions
    api.pay(session)

    assert settlement.look_after(now=now + timedelta(minutes=2), speed=1.0) == 1

    payment = Payment.objects.get()
    assert (payment.state, payment.provider_reference) == ("captured", session)
    assert len(api.sessions) == Order.objects.count() == 1


def test_a_checkout_that_is_given_up_closes_its_page(
    api: Stripe, guest: Caller, by_card: Details, now: datetime
) -> None:
    payment = begin(guest, by_card, now)
    later = now + timedelta(minutes=15)
    checkout.release_expired(now=later)
    api.failing = [500] * 3
    settlement.look_after(now=later, speed=1.0)
    assert api.sessions[payment.provider_reference]["status"] == "open"

    settlement.look_after(now=later + timedelta(minutes=2), speed=1.0)

    assert api.sessions[payment.provider_reference]["status"] == "expired"
    payment.refresh_from_db()
    assert (payment.state, payment.look_at) == ("cancelled", None)


def test_a_page_that_was_paid_while_it_was_given_up_gets_its_order(
    api: Stripe, guest: Caller, by_card: Details, now: datetime
) -> None:
    payment = begin(guest, by_card, now)
    api.pay(payment.provider_reference)
    later = now + timedelta(minutes=15)
    checkout.release_expired(now=later)

    settlement.look_after(now=later, speed=1.0)

    payment.refresh_from_db()
    assert (payment.state, Order.objects.get().payment_status) == ("captured", "paid")


def test_late_money_goes_back_by_stripe(
    api: Stripe, guest: Caller, by_card: Details, now: datetime, client: Client
) -> None:
    payment = begin(guest, by_card, now)
    checkout.release_expired(now=now + timedelta(minutes=15))
    StockItem.objects.update(on_hand=0)
    api.pay(payment.provider_reference)

    tell(client, api, payment, "completed")

    payment.refresh_from_db()
    assert (payment.state, payment.refunded) == ("surplus", 26190)
    assert [refund["amount"] for refund in api.refunds.values()] == [26190]


def test_late_money_that_stripe_refuses_to_send_back_is_asked_for_again_ever_more_seldom(
    api: Stripe,
    guest: Caller,
    by_card: Details,
    now: datetime,
    client: Client,
    caplog: pytest.LogCaptureFixture,
) -> None:
    payment = begin(guest, by_card, now)
    checkout.release_expired(now=now + timedelta(minutes=15))
    StockItem.objects.update(on_hand=0)
    api.pay(payment.provider_reference)
    intent = api.sessions[payment.provider_reference]["payment_intent"]
    api.refunds["re_dashboard"] = {"payment_intent": intent, "amount": 1, "status": "succeeded"}
    tell(client, api, payment, "completed")
    assert [refund.state for refund in Refund.objects.order_by("pk")] == ["failed", "requested"]

    assert adjustments.settle_left(now=now + timedelta(minutes=30)) == 0
    del api.refunds["re_dashboard"]
    assert adjustments.settle_left(now=now + timedelta(hours=2)) == 1

    payment.refresh_from_db()
    assert (payment.state, payment.refunded) == ("surplus", 26190)
    # a bank that always sends it back is left to staff in the end
    caplog.clear()
    newest = Refund.objects.latest("pk")
    for _ in range(adjustments.MOST_TRIES):
        no = PaidBack(newest.provider_reference, error_code="account_closed")
        adjustments.hear("stripe", newest.public_id, no, now=now)
        newest = Refund.objects.latest("pk")
    assert Refund.objects.count() == adjustments.MOST_TRIES
    assert not Refund.objects.exclude(state="failed").exists()
    assert "surplus money stays here" in caplog.text


def test_another_sum_than_was_asked_for_places_no_order(
    api: Stripe,
    guest: Caller,
    by_card: Details,
    now: datetime,
    client: Client,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for at, (name, value) in enumerate([("amount_total", 1), ("currency", "usd")]):
        payment = begin(guest, by_card, now)
        api.pay(payment.provider_reference)
        api.sessions[payment.provider_reference][name] = value

        answer = tell(client, api, payment, "completed", id=f"evt_{at}")

        assert answer.status_code == 200
        payment.refresh_from_db()
        assert payment.state == "requires_action"
    assert not Order.objects.exists()
    assert caplog.text.count("another sum than was asked for") == 2


@pytest.mark.parametrize(
    ("currency", "stripes"),
    [("ISK", 1329000), ("UGX", 1329000), ("RSD", 1329000), ("JPY", 13290), ("KWD", 13290)],
)
def test_a_currency_is_charged_and_paid_back_in_the_units_that_stripe_has_for_it(
    api: Stripe,
    sell: SellLamp,
    by_card: Details,
    staff: Caller,
    now: datetime,
    client: Client,
    currency: str,
    stripes: int,
) -> None:
    shop.keep(replace(shop.current(), currency=currency), seconds=inf)
    sell(price=12900)
    Price.objects.update(currency=currency)
    guest = Caller(basket_token=baskets.add(Caller(), sku="LAMP", quantity=1, now=now).token)
    payment = begin(guest, by_card, now)
    assert (payment.amount, payment.currency) == (13290, currency)
    assert api.sessions[payment.provider_reference]["amount_total"] == stripes

    api.pay(payment.provider_reference)
    tell(client, api, payment, "completed")
    order = Order.objects.get()
    adjustments.refund(staff, order.number, now=now)

    assert [refund["amount"] for refund in api.refunds.values()] == [stripes]
    order.refresh_from_db()
    assert (order.payment_status, order.paid_back) == ("refunded", 13290)


def test_parts_of_a_krona_are_another_sum() -> None:
    session = {"id": "cs_1", "status": "complete", "payment_status": "paid", "currency": "isk"}

    took = [stripe._as_charge({**session, "amount_total": total}).took for total in (4000, 4010)]

    assert [each == (40, "ISK") for each in took] == [True, False]


@pytest.fixture
def paid(api: Stripe, guest: Caller, by_card: Details, now: datetime, client: Client) -> Order:
    payment = begin(guest, by_card, now)
    api.pay(payment.provider_reference)
    tell(client, api, payment, "completed")
    return Order.objects.get()


def test_refunds_go_by_their_own_key_and_never_above_what_was_paid(
    api: Stripe, paid: Order, staff: Caller, now: datetime
) -> None:
    adjustments.refund(staff, paid.number, amount=1000, now=now)
    api.losing = 2
    adjustments.refund(staff, paid.number, now=now)

    paid.refresh_from_db()
    assert (paid.payment_status, paid.paid_back) == ("refunded", 26190)
    assert sorted(refund["amount"] for refund in api.refunds.values()) == [1000, 25190]
    keys = {key for _method, path, key in api.asked if path == "/v1/refunds"}
    assert keys == set(Refund.objects.values_list("public_id", flat=True))


def test_a_refund_that_stripe_refuses_can_be_asked_for_again(
    api: Stripe, paid: Order, staff: Caller, now: datetime
) -> None:
    intent = next(iter(api.sessions.values()))["payment_intent"]
    by_hand = {"payment_intent": intent, "amount": 26000, "status": "succeeded"}
    api.refunds["re_dashboard"] = by_hand

    adjustments.refund(staff, paid.number, now=now)

    assert Refund.objects.get().error_code == "charge_already_refunded"
    paid.refresh_from_db()
    assert (paid.payment_status, paid.given_back) == ("paid", 0)


def test_a_refund_waits_for_a_stripe_that_is_away(
    api: Stripe, paid: Order, staff: Caller, now: datetime
) -> None:
    api.failing = [500] * 3
    adjustments.refund(staff, paid.number, amount=100, now=now)
    assert Refund.objects.get().state == "requested"

    assert adjustments.settle_left(now=now + timedelta(minutes=2)) == 1

    assert Refund.objects.get().state == "succeeded"


def test_a_refund_on_its_way_is_settled_by_its_webhook_and_taken_back_by_a_later_one(
    api: Stripe, paid: Order, staff: Caller, now: datetime, client: Client
) -> None:
    api.refund_status = "pending"
    adjustments.refund(staff, paid.number, amount=100, now=now)
    refund, about = Refund.objects.get(), next(iter(api.refunds.values()))
    assert (refund.state, refund.provider_reference) == ("requested", about["id"])

    def tell(type: str, status: str, id: str) -> str:
        body = api.event(type, {**about, "status": status}, id=id)
        assert post(client, body).json()["known"]
        refund.refresh_from_db()
        paid.refresh_from_db()
        return f"{refund.state} {paid.payment_status} {paid.paid_back} {paid.given_back}"

    assert tell("refund.updated", "succeeded", "a") == "succeeded partially_refunded 100 100"
    assert tell("refund.created", "pending", "b") == "succeeded partially_refunded 100 100"
    assert tell("refund.failed", "failed", "c") == "failed paid 0 0"
    assert tell("refund.updated", "succeeded", "d") == "failed paid 0 0"
    assert Event.objects.filter(type="payment.refund_failed").count() == 1


def test_a_refund_on_its_way_is_asked_about(
    api: Stripe, paid: Order, staff: Caller, now: datetime
) -> None:
    api.refund_status = "pending"
    adjustments.refund(staff, paid.number, amount=100, now=now)
    next(iter(api.refunds.values()))["status"] = "succeeded"

    assert adjustments.settle_left(now=now + timedelta(minutes=5)) == 0
    assert adjustments.settle_left(now=now + timedelta(minutes=10)) == 1

    assert len(api.refunds) == 1


def test_the_log_has_codes_and_nothing_else_of_a_failing_call(
    api: Stripe, guest: Caller, by_card: Details, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    api.failing = [500] * 3
    with caplog.at_level(logging.DEBUG), pytest.raises(outcomes.PaymentDeclined):
        checkout.place(guest, by_card, now=now, speed=1.0)

    lines = " ".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert "stripe made no session" in lines
    assert KEY not in lines
    assert "maya@example.org" not in lines


def test_a_wrong_key_is_no_payment(api: Stripe, settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_other"
    request = ChargeRequest("pay_1", 100, "EUR")

    assert stripe.charge(request).outcome is Outcome.DECLINED
    with pytest.raises(ProviderUnreachable):
        stripe.look(request)
