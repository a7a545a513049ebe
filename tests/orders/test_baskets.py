"""Baskets of guests and users."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.test import Client

from catalog.models import Master, Price, StockItem, Variant
from catalog.stock import OutOfStock
from museo.access.callers import Caller
from museo.access.models import User
from museo.access.tokens import digest
from orders import baskets, checkout, checkouts, holds, offers, outcomes
from orders.checkout import place
from orders.coupons import CouponRefused
from orders.details import Details
from orders.models import Basket, BasketLine, Coupon, Order, Payment
from orders.payments.charges import Charge, Outcome
from orders.pricing import NotForSale
from orders.services import advance_due
from orders.tracking import Placed
from tests.orders.conftest import SellLamp
from tests.together import at_once

pytestmark = pytest.mark.django_db


def test_a_guests_basket_is_opened_by_its_token_alone(sell: SellLamp, noon: datetime) -> None:
    sell()

    opened = baskets.add(Caller(), sku="LAMP", quantity=1, now=noon)

    assert Basket.objects.get().token_hash == digest(opened.token)
    assert baskets.find(Caller(basket_token=opened.token)) == opened
    assert baskets.find(Caller(basket_token="guessed")) is None
    assert baskets.find(Caller()) is None


def test_a_user_has_one_basket_wherever_they_sign_in(sell: SellLamp, noon: datetime) -> None:
    sell()
    user = Caller(user_id=User.objects.create_user("maya@example.org").pk)

    baskets.add(user, sku="LAMP", quantity=1, now=noon)
    opened = baskets.add(user, sku="LAMP", quantity=2, now=noon)

    assert opened.token == ""
    assert BasketLine.objects.get().quantity == 3


def test_more_than_there_is_cannot_be_added(sell: SellLamp, noon: datetime) -> None:
    sell(on_hand=3)
    guest = Caller(basket_token=baskets.add(Caller(), sku="LAMP", quantity=2, now=noon).token)

    with pytest.raises(OutOfStock) as raised:
        baskets.add(guest, sku="LAMP", quantity=2, now=noon)

    assert raised.value.facts["available"] == 3
    assert BasketLine.objects.get().quantity == 2


def test_what_is_promised_to_others_is_not_available(sell: SellLamp, noon: datetime) -> None:
    lamp = sell(on_hand=3)
    StockItem.objects.filter(variant=lamp).update(reserved=2)

    with pytest.raises(OutOfStock):
        baskets.add(Caller(), sku="LAMP", quantity=2, now=noon)


def test_a_draft_or_deleted_product_cannot_be_added(sell: SellLamp, noon: datetime) -> None:
    lamp = sell()
    for change in ({"status": Master.Status.DRAFT}, {"deleted_at": noon}):
        Master.objects.filter(pk=lamp.master_id).update(
            **{"status": Master.Status.ACTIVE, "deleted_at": None, **change}
        )
        with pytest.raises(baskets.UnknownVariant):
            baskets.add(Caller(), sku="LAMP", quantity=1, now=noon)


def test_a_changed_price_is_said(sell: SellLamp, noon: datetime) -> None:
    lamp = sell(price=12900)
    opened = baskets.add(Caller(), sku="LAMP", quantity=1, now=noon)
    Price.objects.filter(variant=lamp).update(amount=9900)

    body = baskets.show(opened, locale="en", now=noon)

    assert body["lines"][0]["total"] == {"amount": 9900, "currency": "EUR"}
    assert [message["code"] for message in body["messages"]] == ["price_changed"]


def test_a_line_without_a_price_asks_to_be_removed_and_cannot_be_bought(
    sell: SellLamp, noon: datetime, details: Details
) -> None:
    lamp = sell()
    opened = baskets.add(Caller(), sku="LAMP", quantity=1, now=noon)
    Price.objects.filter(variant=lamp).delete()

    body = baskets.show(opened, locale="en", now=noon)
    assert [message["code"] for message in body["messages"]] == ["not_for_sale"]
    with pytest.raises(NotForSale):
        place(Caller(basket_token=opened.token), details, now=noon, speed=1.0)


def test_no_basket_is_an_empty_basket(noon: datetime) -> None:
    body = baskets.show(None, locale="en", now=noon)

    assert (body["id"], body["lines"], body["totals"][-1]["amount"]) == (None, [], 0)


@pytest.fixture
def maya(db: None) -> User:
    return User.objects.create_user("maya@example.org", "a-long-password")


def quantities(user: User) -> dict[str, int]:
    lines = BasketLine.objects.filter(basket__user=user, basket__status="open")
    return dict(lines.values_list("variant__sku", "quantity"))


@pytest.mark.both
def test_a_guests_basket_comes_along_when_they_sign_in_and_only_once(
    sell: SellLamp, maya: User, noon: datetime
) -> None:
    sell("LAMP", on_hand=4)
    sell("VASE", on_hand=9)
    baskets.add(Caller(user_id=maya.pk), sku="LAMP", quantity=3, now=noon)
    opened = baskets.add(Caller(), sku="LAMP", quantity=2, now=noon)
    guest = Caller(basket_token=opened.token)
    baskets.add(guest, sku="VASE", quantity=2, now=noon)
    signed_in = Caller(user_id=maya.pk, basket_token=opened.token)

    _own, capped = baskets.merge(signed_in, now=noon)
    _own, again = baskets.merge(signed_in, now=noon)

    assert quantities(maya) == {"LAMP": 4, "VASE": 2}
    assert [(told["code"], told["sku"]) for told in capped] == [("quantity_capped", "LAMP")]
    assert again == []
    assert baskets.find(guest) is None


def test_what_was_in_a_basket_stays_though_the_stock_has_shrunk(
    sell: SellLamp, maya: User, noon: datetime
) -> None:
    lamp = sell(on_hand=5)
    baskets.add(Caller(user_id=maya.pk), sku="LAMP", quantity=3, now=noon)
    token = baskets.add(Caller(), sku="LAMP", quantity=1, now=noon).token
    StockItem.objects.filter(variant=lamp).update(on_hand=1)

    _own, capped = baskets.merge(Caller(user_id=maya.pk, basket_token=token), now=noon)

    assert quantities(maya) == {"LAMP": 3}
    assert len(capped) == 1


@dataclass(frozen=True)
class Paying:
    """A guest who is at the bank, and then signs in."""

    payment: Payment
    signed_in: Caller


@pytest.fixture
def paying(sell: SellLamp, details: Details, maya: User, noon: datetime) -> Paying:
    """The last two lamps there are."""
    sell(on_hand=2)
    token = baskets.add(Caller(), sku="LAMP", quantity=2, now=noon).token
    asks = replace(details, payment_token="needs_action")
    with pytest.raises(outcomes.PaymentActionRequired):
        checkout.place(Caller(basket_token=token), asks, now=noon, speed=1.0)
    return Paying(Payment.objects.get(), Caller(user_id=maya.pk, basket_token=token))


def arrives(payment: Payment, now: datetime) -> Placed:
    """The bank says yes to somebody who may have looked before the guest signed in."""
    charge = Charge(Outcome.CAPTURED, payment.provider_reference)
    return outcomes.conclude(payment, charge, now=now, speed=1.0)


@pytest.mark.both
def test_what_a_guest_pays_for_while_they_sign_in_is_theirs_and_leaves_the_basket(
    paying: Paying, maya: User, noon: datetime, client: Client
) -> None:
    _own, capped = baskets.merge(paying.signed_in, now=noon)
    assert capped == []
    assert quantities(maya) == {"LAMP": 2}

    order = arrives(paying.payment, noon).order

    assert order.user == maya
    assert quantities(maya) == {}
    client.force_login(maya)
    back = client.get(f"/pay/{paying.payment.public_id}?done=1")
    assert back.headers["Location"] == f"/orders/{order.number}"


@pytest.mark.both
@pytest.mark.parametrize("is_over", [False, True])
def test_who_signs_in_and_pays_in_another_way_buys_once(
    paying: Paying, details: Details, maya: User, noon: datetime, is_over: bool
) -> None:
    StockItem.objects.update(on_hand=9)
    if is_over:
        checkout.release_expired(now=noon + holds.HOLD)
    baskets.merge(paying.signed_in, now=noon)

    order = checkout.place(paying.signed_in, details, now=noon, speed=1.0).order
    with pytest.raises(outcomes.PaymentTooLate):
        arrives(paying.payment, noon)

    assert Order.objects.get() == order
    assert StockItem.objects.get().on_hand == 7
    paying.payment.refresh_from_db()
    assert paying.payment.state == "surplus"


@pytest.mark.both
@pytest.mark.parametrize("is_over", [False, True])
def test_what_a_user_had_waiting_does_not_buy_again_what_the_guest_pays_for(
    sell: SellLamp, details: Details, maya: User, noon: datetime, is_over: bool
) -> None:
    sell(on_hand=9)
    own, asks = Caller(user_id=maya.pk), replace(details, payment_token="needs_action")
    baskets.add(own, sku="LAMP", quantity=1, now=noon)
    guest = Caller(basket_token=baskets.add(Caller(), sku="LAMP", quantity=1, now=noon).token)
    with pytest.raises(outcomes.PaymentActionRequired):
        checkout.place(guest, asks, now=noon, speed=1.0)
    if is_over:
        checkout.release_expired(now=noon + holds.HOLD)
    waiting = checkouts.begin(own, {}, now=noon)

    baskets.merge(replace(own, basket_token=guest.basket_token), now=noon)

    assert checkouts.show(own, waiting["id"])["state"] == "canceled"
    arrives(Payment.objects.select_related("checkout").get(), noon)
    assert quantities(maya) == {"LAMP": 1}


@pytest.mark.both
def test_a_coupon_that_a_guest_pays_with_counts_as_the_users(
    sell: SellLamp, details: Details, maya: User, noon: datetime
) -> None:
    sell(on_hand=9)
    Coupon.objects.create(code="TEN", kind=Coupon.Kind.PERCENT, value=1000, per_user_limit=1)
    guest = Caller(basket_token=baskets.add(Caller(), sku="LAMP", quantity=1, now=noon).token)
    own = Caller(user_id=maya.pk)
    baskets.apply_coupon(guest, "TEN", now=noon)
    asks = replace(details, email="lee@example.org", payment_token="needs_action")
    with pytest.raises(outcomes.PaymentActionRequired):
        checkout.place(guest, asks, now=noon, speed=1.0)
    baskets.merge(replace(own, basket_token=guest.basket_token), now=noon)
    arrives(Payment.objects.select_related("checkout").get(), noon)

    baskets.add(own, sku="LAMP", quantity=1, now=noon)
    with pytest.raises(CouponRefused, match="already"):
        baskets.apply_coupon(own, "TEN", now=noon)


@pytest.mark.both
def test_money_on_its_way_for_both_baskets_buys_what_each_had(
    sell: SellLamp, details: Details, maya: User, noon: datetime
) -> None:
    sell(on_hand=9)
    own, slow = Caller(user_id=maya.pk), replace(details, payment_token="later")
    guest = Caller(basket_token=baskets.add(Caller(), sku="LAMP", quantity=1, now=noon).token)
    baskets.add(own, sku="LAMP", quantity=2, now=noon)
    for caller in (guest, own):
        with pytest.raises(outcomes.PaymentPending):
            checkout.place(caller, slow, now=noon, speed=1.0)

    baskets.merge(replace(own, basket_token=guest.basket_token), now=noon)

    with pytest.raises(holds.CheckoutInProgress):
        checkout.place(own, details, now=noon, speed=1.0)
    paid = Payment.objects.select_related("checkout").order_by("pk")
    assert [arrives(each, noon).order.lines.get().quantity for each in paid] == [1, 2]


@pytest.mark.both
@pytest.mark.usefixtures("committed")
def test_two_sign_ins_at_once_add_a_basket_once(sell: SellLamp, maya: User, noon: datetime) -> None:
    sell(on_hand=9)
    token = baskets.add(Caller(), sku="LAMP", quantity=2, now=noon).token
    signed_in = Caller(user_id=maya.pk, basket_token=token)

    answers = at_once([lambda: baskets.merge(signed_in, now=noon)] * 6)

    assert not [answer for answer in answers if isinstance(answer, Exception)]
    assert quantities(maya) == {"LAMP": 2}


def test_an_order_has_no_more_of_a_thing_than_it_may(
    sell: SellLamp, maya: User, noon: datetime
) -> None:
    lamp = sell(on_hand=9)
    Variant.objects.filter(pk=lamp.pk).update(max_per_order=2)
    token = baskets.add(Caller(), sku="LAMP", quantity=2, now=noon).token

    with pytest.raises(baskets.QuantityOutOfRange):
        baskets.add(Caller(basket_token=token), sku="LAMP", quantity=1, now=noon)

    baskets.add(Caller(user_id=maya.pk), sku="LAMP", quantity=1, now=noon)
    _own, capped = baskets.merge(Caller(user_id=maya.pk, basket_token=token), now=noon)
    assert quantities(maya) == {"LAMP": 2}
    assert [told["detail"] for told in capped] == ["An order may have 2 of LAMP."]


def test_a_limit_that_is_newer_than_the_basket_holds_for_its_order(
    sell: SellLamp, details: Details, noon: datetime
) -> None:
    lamp = sell(on_hand=9)
    guest = Caller(basket_token=baskets.add(Caller(), sku="LAMP", quantity=3, now=noon).token)
    Variant.objects.filter(pk=lamp.pk).update(max_per_order=2)

    shown = baskets.show(baskets.find(guest), locale="en", now=noon)
    with pytest.raises(offers.TooMany) as refused:
        place(guest, details, now=noon, speed=1.0)

    told = {"type": "error", "code": "quantity_out_of_range", "sku": "LAMP"}
    assert shown["messages"] == [{**told, "detail": refused.value.detail}]
    assert refused.value.detail == "An order may have 2 of LAMP."
    line = BasketLine.objects.get()
    baskets.set_quantity(guest, line_id=line.pk, quantity=2, now=noon)
    assert place(guest, details, now=noon, speed=1.0).order.lines.get().quantity == 2


def test_signing_in_on_the_page_and_over_rest_brings_the_basket_along(
    sell: SellLamp, maya: User, client: Client
) -> None:
    sell(on_hand=2)
    line = {"sku": "LAMP", "quantity": 2}
    post = partial(client.post, content_type="application/json")
    token = post("/api/v1/basket/items", line).json()["token"]
    client.cookies["museo_basket"] = token

    answer = client.post("/login", {"username": maya.email, "password": "a-long-password"})

    assert answer.status_code == 302
    assert answer.cookies["museo_basket"].value == ""
    assert quantities(maya) == {"LAMP": 2}
    other = Client().post("/api/v1/basket/items", line, content_type="application/json").json()
    merged = post("/api/v1/basket/merge", headers={"X-Basket-Token": other["token"]}).json()
    assert merged["lines"][0]["quantity"] == 2
    assert [told["code"] for told in merged["messages"]] == ["quantity_capped"]
    refused = Client().post("/api/v1/basket/merge", content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (401, "authentication_required")


def test_an_order_is_put_into_the_basket_again_as_far_as_there_is_any(
    sell: SellLamp, buy: Callable[..., Placed], client: Client, noon: datetime
) -> None:
    sell(on_hand=5)
    placed = buy(quantity=3)
    path = f"/api/v1/orders/{placed.order.number}/reorder"
    headers = {"Authorization": f"Ticket {placed.ticket}"}

    def post(**headers: str) -> Any:
        return client.post(path, content_type="application/json", headers=headers)

    basket = post(**headers).json()
    again = post(**headers, **{"X-Basket-Token": basket["token"]}).json()

    assert basket["lines"][0]["quantity"] == again["lines"][0]["quantity"] == 2
    assert [told["code"] for told in basket["messages"]] == ["quantity_capped"]
    assert post().status_code == 404
    Variant.objects.update(is_active=False)
    [told] = post(**headers).json()["messages"]
    assert (told["code"], told["sku"]) == ("not_for_sale", "LAMP")


def test_the_page_of_an_order_that_has_ended_puts_it_into_the_basket(
    sell: SellLamp, buy: Callable[..., Placed], client: Client, noon: datetime
) -> None:
    sell(on_hand=3)
    placed = buy(quantity=2)
    client.get(f"/t/{placed.ticket}")
    page = f"/orders/{placed.order.number}"
    advance_due(now=noon + timedelta(hours=1))
    assert "Order this again" in client.get(page).content.decode()

    basket = client.post(f"{page}/reorder", follow=True)

    assert basket.redirect_chain == [("/basket", 302)]
    assert "Your basket has 1 of LAMP: there are no more." in basket.content.decode()
    assert Client().post(f"{page}/reorder").status_code == 404
