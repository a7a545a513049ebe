"""Baskets of guests and users."""

from datetime import datetime

import pytest

from catalog.models import Master, Price, StockItem
from catalog.stock import OutOfStock
from museo.access.callers import Caller
from museo.access.models import User
from museo.access.tokens import digest
from orders import baskets
from orders.checkout import place
from orders.details import Details
from orders.models import Basket, BasketLine
from orders.pricing import NotForSale
from tests.orders.conftest import SellLamp

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
