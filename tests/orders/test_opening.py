"""Whether orders are taken, and what is promised while the kitchen is closed."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time, timedelta
from math import inf
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from catalog import shop
from catalog.hours import Hours
from catalog.models import Master
from mcp_bridge import purchases
from museo.access.callers import BASKET_COOKIE, Caller
from orders import baskets, checkouts, deliveries, opening
from orders.models import Checkout, Order
from orders.opening import ShopNotOpen, ShopPaused
from orders.tracking import Placed
from tests.conftest import DEMO_SHOP
from tests.orders.conftest import ADDRESS, PURCHASE, SellLamp

pytestmark = pytest.mark.django_db
Buy = Callable[..., Placed]
KEY = {"Idempotency-Key": "k-1"}
# Friday, noon in UTC is 14:00 in Helsinki; dishes are made from 17:00
EVENINGS = tuple(Hours(day, time(17), time(22)) for day in range(7))
FIVE_PM = timedelta(hours=3)


def now_is(**changes: Any) -> None:
    shop.keep(replace(DEMO_SHOP, **changes), seconds=inf)


def post(client: Client, path: str, body: Any, **headers: str) -> Any:
    sent = json.dumps(body)
    return client.post(f"/api/v1{path}", sent, content_type="application/json", headers=headers)


@pytest.fixture
def basket(client: Client, sell: SellLamp, noon: datetime) -> Caller:
    """A guest with a lamp in the basket, as a page and as REST know them."""
    sell()
    opened = baskets.add(Caller(), sku="LAMP", quantity=1, now=noon)
    client.cookies[BASKET_COOKIE] = opened.token
    return Caller(basket_token=opened.token)


@pytest.fixture
def soup(sell: SellLamp) -> None:
    variant = sell("SOUP")
    Master.objects.filter(pk=variant.master_id).update(kind=Master.Kind.FOOD)


REASONS = [
    ({"is_paused": True, "pause_text": "Back on Monday."}, "shop_paused", "Back on Monday."),
    ({"is_open": False}, "shop_not_open", "opens soon"),
]


@pytest.mark.parametrize(("changes", "code", "told"), REASONS)
def test_rest_refuses_orders_and_says_why(
    client: Client, basket: Caller, changes: dict[str, Any], code: str, told: str
) -> None:
    now_is(**changes)

    at_once = post(client, "/orders/checkout", PURCHASE, **KEY)
    begun = post(client, "/checkouts", PURCHASE)

    for answer in (at_once, begun):
        assert (answer.status_code, answer.json()["code"]) == (409, code)
        assert told in answer.json()["detail"]
    assert not Checkout.objects.exists()
    warned = client.get("/api/v1/basket").json()["messages"]
    assert [message["code"] for message in warned] == [code]


@pytest.mark.parametrize(("changes", "code", "told"), REASONS)
def test_the_page_refuses_orders_and_says_why(
    client: Client, basket: Caller, changes: dict[str, Any], code: str, told: str
) -> None:
    now_is(**changes)
    typed = {**PURCHASE, **ADDRESS, "payment": "ok", "key": "k"}

    answer = client.post("/checkout", typed)

    assert answer.status_code == 409
    assert answer.context["problem"]["code"] == code
    assert not Order.objects.exists()
    # and warned before, on every page
    assert all(told in client.get(page).content.decode() for page in ("/orders", "/basket"))


def test_agents_are_refused_before_a_person_is_asked(basket: Caller, noon: datetime) -> None:
    now_is(is_paused=True)

    with pytest.raises(ShopPaused, match="no orders for the moment"):
        purchases.offer(basket, PURCHASE, now=noon)


def test_after_the_pause_the_same_key_buys(client: Client, basket: Caller) -> None:
    now_is(is_paused=True)
    assert post(client, "/orders/checkout", PURCHASE, **KEY).status_code == 409

    now_is()

    assert post(client, "/orders/checkout", PURCHASE, **KEY).status_code == 201


def test_an_open_checkout_can_still_be_paid(client: Client, basket: Caller, noon: datetime) -> None:
    begun = checkouts.begin(basket, PURCHASE, now=timezone.now())
    now_is(is_paused=True)

    updated = client.put(
        f"/api/v1/checkouts/{begun['id']}", json.dumps(PURCHASE), content_type="application/json"
    ).json()
    paid = post(client, f"/checkouts/{begun['id']}/complete", PURCHASE, **KEY).json()

    assert (updated["state"], updated["messages"]) == ("ready_for_complete", [])
    assert paid["state"] == "completed"
    assert Order.objects.count() == 1


def test_a_shop_that_is_not_open_shows_shoppers_that_it_will_be(
    client: Client, basket: Caller
) -> None:
    now_is(is_open=False)

    page = client.get("/")

    assert page.status_code == 200
    assert "We open soon" in page.content.decode()
    assert "LAMP" not in page.content.decode()


def test_nothing_is_said_of_a_shop_that_takes_orders(basket: Caller, noon: datetime) -> None:
    assert opening.messages({"physical", "food"}, now=noon) == []
    opening.require()


# opening hours


def test_dishes_ordered_while_the_kitchen_is_closed_are_promised_from_its_opening(
    soup: None, buy: Buy, noon: datetime
) -> None:
    usual = buy("SOUP").order
    now_is(hours=EVENINGS)

    early = buy("SOUP").order

    assert early.promised_at == usual.promised_at + FIVE_PM
    due = list(early.steps.order_by("index").values_list("due_at", flat=True))
    before = list(usual.steps.order_by("index").values_list("due_at", flat=True))
    # taken note of at once, cooked later
    assert due == [before[0], *(at + FIVE_PM for at in before[1:])]


def test_what_is_tried_again_while_the_kitchen_is_closed_is_promised_from_its_opening(
    soup: None, buy: Buy, staff: Caller, noon: datetime
) -> None:
    order = buy("SOUP").order
    usual = order.promised_at
    deliveries.fail(staff, order.number, now=noon)
    now_is(hours=EVENINGS)

    again = deliveries.try_again(staff, order.number, now=noon, speed=1.0)

    assert again.promised_at == usual + FIVE_PM


def test_while_it_is_open_nothing_waits(soup: None, buy: Buy, noon: datetime) -> None:
    usual = buy("SOUP").order
    now_is(hours=EVENINGS)

    later = buy("SOUP", now=noon + timedelta(hours=4)).order

    assert later.promised_at == usual.promised_at + timedelta(hours=4)


def test_lamps_do_not_wait_for_the_kitchen(sell: SellLamp, buy: Buy, noon: datetime) -> None:
    sell()
    usual = buy().order
    now_is(hours=EVENINGS)

    assert buy().order.promised_at == usual.promised_at


def test_a_basket_says_when_the_kitchen_begins(soup: None, noon: datetime) -> None:
    now_is(hours=EVENINGS)
    opened = baskets.add(Caller(), sku="SOUP", quantity=1, now=noon)

    told = baskets.show(opened, locale="en", now=noon)["messages"]

    assert [message["code"] for message in told] == ["shop_closed"]
    assert told[0]["detail"].endswith("we begin on Friday at 17:00.")


def test_the_time_of_each_way_of_delivery_counts_from_the_opening(
    soup: None, noon: datetime
) -> None:
    from orders import offers

    def etas() -> list[str]:
        found = offers.deliveries({"food"}, address={}, now=noon, speed=1.0)
        return [option["eta"][11:16] for option in found]

    before = etas()
    now_is(hours=EVENINGS)

    assert before == ["12:12", "12:10"]
    assert etas() == ["15:12", "15:10"]


def test_ways_of_delivery_open_by_the_clock_of_the_shop(noon: datetime) -> None:
    from orders.delivery import DeliveryOption

    option = DeliveryOption(opens_at=time(14), closes_at=time(15))
    assert option.is_open(noon)

    now_is(time_zone="America/New_York")

    assert not option.is_open(noon)


def test_refusals_are_conflicts() -> None:
    assert (ShopPaused.status, ShopNotOpen.status) == (409, 409)
