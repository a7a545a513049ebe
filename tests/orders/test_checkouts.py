"""Checkouts over REST: states, messages, what they hold, and that paying happens once."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalog.models import Price, StockItem, StockReservation, Variant
from museo.access.callers import Caller
from museo.access.idempotency import Answer, KeyInFlight
from museo.access.models import User
from orders import baskets, checkout, checkouts, offers, outcomes, payments
from orders.details import Details
from orders.models import Checkout, Coupon, Order, Payment
from orders.payments.charges import Charge, ChargeRequest, Outcome
from tests.orders.conftest import ADDRESS, SellLamp, far_away
from tests.together import at_once

BODY = {"email": "maya@example.org", "name": "Maya Okafor", "address": ADDRESS}
OK = {"payment": {"provider": "demo", "token": "ok"}}

pytestmark = pytest.mark.django_db


def guest_with(now: datetime, *, quantity: int = 1) -> Caller:
    opened = baskets.add(Caller(), sku="LAMP", quantity=quantity, now=now)
    return Caller(basket_token=opened.token)


def codes(shown: dict[str, Any]) -> list[str]:
    return [message["code"] for message in shown["messages"]]


def complete(
    caller: Caller, shown: dict[str, Any], body: Any, now: datetime, key: str = "k"
) -> Any:
    return checkouts.complete_once(caller, shown["id"], body, key=key, now=now, speed=1.0)


@pytest.mark.both
def test_a_checkout_becomes_ready_then_an_order(sell: SellLamp, noon: datetime) -> None:
    lamp = sell(price=12900, on_hand=3)
    guest = guest_with(noon, quantity=2)

    begun = checkouts.begin(guest, {}, now=noon)
    assert (begun["state"], codes(begun)) == ("incomplete", ["required"] * 6)
    assert [message["path"] for message in begun["messages"]][:2] == ["/email", "/name"]
    assert StockItem.objects.get(variant=lamp).reserved == 2

    ready = checkouts.update(guest, begun["id"], BODY, now=noon)
    assert (ready["state"], ready["messages"]) == ("ready_for_complete", [])
    assert ready["totals"][-1] == {"type": "total", "amount": 26190, "currency": "EUR"}
    assert checkouts.show(guest, begun["id"]) == ready

    answer = complete(guest, ready, OK, noon)
    again = complete(guest, ready, OK, noon)

    order = Order.objects.get()
    assert (answer.status, answer.body["state"]) == (200, "completed")
    assert answer.body["order"]["number"] == order.number
    assert answer.body["order"]["ticket"]
    assert (again.body, again.is_replay) == (answer.body, True)
    assert checkouts.show(guest, begun["id"])["order"]["number"] == order.number
    item = StockItem.objects.get(variant=lamp)
    assert (item.on_hand, item.reserved) == (1, 0)


@pytest.mark.both
def test_what_a_checkout_holds_never_counts_against_its_owner(
    sell: SellLamp, details: Details, noon: datetime
) -> None:
    lamp = sell(on_hand=3)
    guest = guest_with(noon, quantity=2)
    begun = checkouts.begin(guest, BODY, now=noon)

    baskets.add(guest, sku="LAMP", quantity=1, now=noon)
    shown = baskets.show(baskets.find(guest), locale="en", now=noon)
    assert (codes(shown), codes(checkouts.show(guest, begun["id"]))) == ([], ["basket_changed"])
    updated = checkouts.update(guest, begun["id"], BODY, now=noon)
    assert (updated["lines"][0]["quantity"], updated["state"]) == (3, "ready_for_complete")

    second = checkouts.begin(guest, BODY, now=noon)
    assert checkouts.show(guest, begun["id"])["state"] == "canceled"
    assert StockItem.objects.get(variant=lamp).reserved == 3
    assert StockReservation.objects.get(state="held").holder == second["id"]
    placed = checkout.place(guest, details, now=noon, speed=1.0)
    assert placed.order.lines.get().quantity == 3
    item = StockItem.objects.get(variant=lamp)
    assert (item.on_hand, item.reserved) == (0, 0)


@pytest.mark.both
def test_a_checkout_without_enough_stock_holds_nothing_and_says_so(
    sell: SellLamp, noon: datetime
) -> None:
    lamp = sell(on_hand=2)
    guest = guest_with(noon, quantity=2)
    StockItem.objects.filter(variant=lamp).update(on_hand=1)

    begun = checkouts.begin(guest, BODY, now=noon)

    assert (begun["state"], codes(begun)) == ("incomplete", ["sold_out"])
    assert begun["messages"][0]["available"] == 1
    assert StockItem.objects.get(variant=lamp).reserved == 0
    told = complete(guest, begun, OK, noon).body
    assert (told["state"], codes(told)) == ("incomplete", ["sold_out", "not_ready"])
    assert not Payment.objects.exists()


def test_what_a_basket_should_know_before_paying_is_in_its_messages(
    sell: SellLamp, noon: datetime
) -> None:
    lamp = sell(on_hand=5, price=12900)
    guest = guest_with(noon, quantity=3)
    Price.objects.filter(variant=lamp).update(amount=9900)
    opened = baskets.find(guest)

    with CaptureQueriesContext(connection) as asked:
        [changed] = baskets.show(opened, locale="en", now=noon)["messages"]
    assert (changed["code"], changed["was"]["amount"]) == ("price_changed", 12900)
    StockItem.objects.filter(variant=lamp).update(on_hand=2)
    with CaptureQueriesContext(connection) as asked_of_few:
        [few] = baskets.show(opened, locale="en", now=noon)["messages"]
    assert len(asked_of_few) == len(asked)
    assert (few["code"], few["available"]) == ("stock_changed", 2)
    Variant.objects.update(max_per_order=1)
    with CaptureQueriesContext(connection) as asked_of_many:
        told = codes(baskets.show(opened, locale="en", now=noon))
    assert (told, len(asked_of_many)) == (["quantity_out_of_range", "stock_changed"], len(asked))
    Variant.objects.update(max_per_order=None)
    StockItem.objects.filter(variant=lamp).update(on_hand=0)
    assert codes(baskets.show(opened, locale="en", now=noon)) == ["sold_out"]
    lamp.master.deleted_at = noon
    lamp.master.save()
    assert codes(baskets.show(opened, locale="en", now=noon)) == ["not_for_sale"]
    assert codes(checkouts.begin(guest, BODY, now=noon)) == ["not_for_sale", "sold_out"]


@pytest.mark.both
def test_a_declined_payment_leaves_a_checkout_that_can_be_paid_again(
    sell: SellLamp, noon: datetime
) -> None:
    lamp = sell(on_hand=1)
    guest = guest_with(noon)
    begun = checkouts.begin(guest, BODY, now=noon)
    no = {"payment": {"provider": "demo", "token": "declined"}}

    declined = complete(guest, begun, no, noon)
    again = complete(guest, begun, no, noon)

    assert (declined.status, declined.body["state"]) == (200, "ready_for_complete")
    assert codes(declined.body) == ["payment_declined"]
    assert (again.body, again.is_replay) == (declined.body, True)
    assert StockItem.objects.get(variant=lamp).reserved == 0
    paid = complete(guest, begun, OK, noon, key="k2").body
    assert (paid["state"], Order.objects.count()) == ("completed", 1)


def test_a_payment_that_asks_escalates_and_says_where(sell: SellLamp, noon: datetime) -> None:
    sell()
    guest = guest_with(noon)
    begun = checkouts.begin(guest, BODY, now=noon)

    asked = complete(guest, begun, {"payment": {"token": "needs_action"}}, noon).body
    assert (asked["state"], codes(asked)) == ("requires_escalation", ["payment_action_required"])
    payment = Payment.objects.get()
    assert asked["continue_url"].endswith(f"/pay/{payment.public_id}")

    outcomes.finish_payment(payment.public_id, approved=True, now=noon, speed=1.0)
    done = checkouts.show(guest, begun["id"])
    assert (done["state"], done["continue_url"]) == ("completed", None)
    assert done["order"]["number"] == Order.objects.get().number


@pytest.mark.both
def test_a_checkout_that_nobody_pays_is_released_by_the_clock_and_updates_do_not_hold_for_ever(
    sell: SellLamp, noon: datetime
) -> None:
    lamp = sell(on_hand=2)
    guest = guest_with(noon, quantity=2)
    begun = checkouts.begin(guest, BODY, now=noon)
    for minutes in (14, 28, 42, 55):
        assert checkout.release_expired(now=noon + timedelta(minutes=minutes)) == 0
        checkouts.update(guest, begun["id"], BODY, now=noon + timedelta(minutes=minutes))

    assert checkout.release_expired(now=noon + checkouts.LONGEST_HOLD) == 1

    assert StockItem.objects.get(variant=lamp).reserved == 0
    ended = checkouts.show(guest, begun["id"])
    assert (ended["state"], codes(ended)) == ("canceled", ["canceled"])
    assert codes(complete(guest, begun, OK, noon).body) == ["canceled", "not_ready"]
    same = checkouts.update(guest, begun["id"], BODY, now=noon)
    assert same["state"] == "canceled"


def test_cancelling_gives_everything_back_and_again_is_harmless(
    sell: SellLamp, noon: datetime
) -> None:
    lamp = sell(on_hand=2)
    guest = guest_with(noon)
    begun = checkouts.begin(guest, BODY, now=noon)

    first = checkouts.cancel(guest, begun["id"], now=noon)
    second = checkouts.cancel(guest, begun["id"], now=noon)

    assert first == second
    assert first["state"] == "canceled"
    assert StockItem.objects.get(variant=lamp).reserved == 0
    opened = baskets.find(guest)
    assert opened
    assert opened.basket.lines.exists()


def test_another_sum_than_was_agreed_to_is_said_and_not_charged(
    sell: SellLamp, noon: datetime
) -> None:
    sell(price=12900)
    guest = guest_with(noon)
    begun = checkouts.begin(guest, BODY, now=noon)

    told = complete(guest, begun, {**OK, "expected_total": 1}, noon).body

    assert (told["state"], codes(told)) == ("ready_for_complete", ["total_changed"])
    assert not Payment.objects.exists()
    agreed = complete(guest, begun, {**OK, "expected_total": 13290}, noon, key="k2").body
    assert agreed["state"] == "completed"


@pytest.mark.parametrize(
    ("meanwhile", "code"),
    [({"used": 1}, "coupon_used_up"), ({"is_active": False}, "coupon_unknown")],
)
def test_a_coupon_that_is_of_no_use_any_more_is_said(
    sell: SellLamp, noon: datetime, meanwhile: dict[str, Any], code: str
) -> None:
    sell(price=10000)
    Coupon.objects.create(code="TEN", value=1000, usage_limit=1)
    guest = guest_with(noon)
    baskets.apply_coupon(guest, "TEN", now=noon)
    begun = checkouts.begin(guest, BODY, now=noon)
    assert (begun["coupon"], begun["totals"][1]["amount"]) == ({"code": "TEN"}, -1000)
    Coupon.objects.update(**meanwhile)

    told = complete(guest, begun, OK, noon).body

    assert (told["state"], codes(told)) == ("ready_for_complete", [code])
    updated = checkouts.update(guest, begun["id"], BODY, now=noon)
    assert (updated["state"], codes(updated)) == ("incomplete", [code])


def test_somebody_elses_checkout_is_not_there(sell: SellLamp, noon: datetime) -> None:
    sell()
    begun = checkouts.begin(guest_with(noon), BODY, now=noon)
    user = Caller(user_id=User.objects.create_user("sam@example.org").pk)

    for stranger in (Caller(), guest_with(noon), user):
        for act in (
            partial(checkouts.show, stranger, begun["id"]),
            partial(checkouts.update, stranger, begun["id"], BODY, now=noon),
            partial(checkouts.cancel, stranger, begun["id"], now=noon),
            partial(complete, stranger, begun, OK, noon),
        ):
            with pytest.raises(checkouts.UnknownCheckout):
                act()


@pytest.mark.both
def test_signing_in_gives_up_what_the_guest_had_begun(sell: SellLamp, noon: datetime) -> None:
    lamp = sell(on_hand=2)
    guest = guest_with(noon, quantity=2)
    checkouts.begin(guest, BODY, now=noon)
    maya = User.objects.create_user("maya@example.org")
    signed_in = Caller(user_id=maya.pk, basket_token=guest.basket_token)

    _opened, capped = baskets.merge(signed_in, now=noon)

    assert capped == []
    assert StockItem.objects.get(variant=lamp).reserved == 0
    assert checkouts.begin(signed_in, BODY, now=noon)["state"] == "ready_for_complete"


def test_baskets_that_nobody_touched_for_long_are_closed_but_not_while_they_are_bought(
    sell: SellLamp, noon: datetime
) -> None:
    sell(on_hand=9)
    guest, buyer = guest_with(noon), guest_with(noon)
    later = noon + baskets.LIFETIME
    baskets.add(guest, sku="LAMP", quantity=1, now=noon + timedelta(days=1))
    checkouts.begin(buyer, BODY, now=later)

    assert baskets.expire(now=later) == 0
    assert baskets.expire(now=later + timedelta(days=1)) == 1
    assert baskets.find(guest) is None
    checkout.release_expired(now=later + timedelta(days=1))
    assert baskets.expire(now=later + timedelta(days=1)) == 1


@pytest.mark.both
@pytest.mark.usefixtures("committed")
def test_twenty_completions_with_one_key_and_ten_with_their_own_are_one_order(
    sell: SellLamp, noon: datetime
) -> None:
    sell(on_hand=1000)
    guest = guest_with(noon)
    begun = checkouts.begin(guest, BODY, now=noon)
    same = [partial(complete, guest, begun, OK, noon)] * 20
    own = [partial(complete, guest, begun, OK, noon, key=f"own-{n}") for n in range(10)]

    results = at_once([*same, *own])

    answers = [result for result in results if isinstance(result, Answer)]
    others = [result for result in results if not isinstance(result, Answer)]
    assert all(isinstance(other, KeyInFlight) for other in others), others
    assert {answer.status for answer in answers} == {200}
    assert Order.objects.count() == 1
    assert Payment.objects.count() == 1
    assert Checkout.objects.get().state == "completed"
    numbers = {a.body["order"]["number"] for a in answers if a.body["order"]}
    assert numbers == {Order.objects.get().number}


def test_a_checkout_over_rest(sell: SellLamp, client: Client) -> None:
    sell(price=12900)
    post = partial(client.post, content_type="application/json")
    token = post("/api/v1/basket/items", {"sku": "LAMP"}).json()["token"]
    guest = {"X-Basket-Token": token}

    begun = post("/api/v1/checkouts", {}, headers=guest)
    path = f"/api/v1/checkouts/{begun.json()['id']}"
    ready = client.put(path, BODY, content_type="application/json", headers=guest)
    without_key = post(f"{path}/complete", OK, headers=guest)
    keyed = {**guest, "Idempotency-Key": "k"}
    done = post(f"{path}/complete", OK, headers=keyed)
    again = post(f"{path}/complete", OK, headers=keyed)
    other = post(f"{path}/complete", {}, headers=keyed)

    assert [answer.status_code for answer in (begun, ready, done, again)] == [200] * 4
    assert begun.json()["state"] == "incomplete"
    assert without_key.json()["code"] == "idempotency_key_invalid"
    assert done.json()["state"] == "completed"
    assert (again.json(), again["Idempotent-Replayed"]) == (done.json(), "true")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")
    assert client.get(path, headers=guest).json()["state"] == "completed"
    assert client.get(path).status_code == 404
    assert post(f"{path}/cancel", headers=guest).json()["state"] == "completed"
    nothing = post("/api/v1/checkouts", {}, headers=guest)
    assert (nothing.status_code, nothing.json()["code"]) == (409, offers.BasketEmpty.code)


@pytest.mark.parametrize(
    "body",
    [
        [],
        "x",
        {"email": "maya"},
        {"email": "a\x00@b.fi"},
        {"name": "\ud800"},
        {"name": "x" * 10_000},
        {"tip": -1},
        {"tip": 2**70},
        {"tip": True},
        {"delivery": "rocket"},
        {"address": {"country": "Finland"}},
        {"payment": {"provider": "bitcoin"}},
    ],
)
def test_a_body_that_cannot_be_used_changes_nothing(
    sell: SellLamp, client: Client, noon: datetime, body: Any
) -> None:
    sell()
    guest = guest_with(noon)
    headers = {"X-Basket-Token": guest.basket_token}

    answer = client.post(
        "/api/v1/checkouts", body, content_type="application/json", headers=headers
    )

    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert not Checkout.objects.exists()


def test_one_shot_and_page_and_checkout_ask_the_same(sell: SellLamp, noon: datetime) -> None:
    sell(price=10000)
    guest = guest_with(noon)
    details = Details.parse({**BODY, "delivery": "pickup"})

    begun = checkouts.begin(guest, {**BODY, "delivery": "pickup"}, now=noon)
    order = checkout.place(guest, details, now=noon, speed=1.0).order

    assert begun["totals"] == order.totals
    assert order.plan == "pickup"


@pytest.mark.both
def test_who_signs_in_while_a_provider_is_asked_gets_the_order(
    sell: SellLamp, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(on_hand=9)
    guest, maya = guest_with(noon), User.objects.create_user("maya@example.org")
    begun = checkouts.begin(guest, BODY, now=noon)

    def charge(_request: ChargeRequest) -> Charge:
        baskets.merge(Caller(user_id=maya.pk, basket_token=guest.basket_token), now=noon)
        return Charge(Outcome.CAPTURED, "captured")

    monkeypatch.setitem(payments.PROVIDERS, "demo", far_away(charge))
    answer = complete(guest, begun, OK, noon)

    assert (answer.status, answer.body["state"]) == (200, "completed")
    assert answer.body["order"]["number"] == Order.objects.get(user=maya).number
