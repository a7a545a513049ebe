"""Dishes with what was chosen: in baskets, orders, and on every page of them."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from catalog.models import Master, Modifier, ModifierGroup, Price, StockItem, Variant
from catalog.modifiers import BadModifiers
from catalog.stock import OutOfStock
from mcp_bridge.texts import please_confirm
from museo.access.callers import Caller
from museo.access.models import User
from orders import adjustments, baskets, checkout, checkouts, services
from orders.details import Details
from orders.models import BasketLine, Order, OrderLine, TaxRate
from orders.payments import PROVIDERS
from orders.pricing import NotForSale
from orders.tracking import Placed
from tests.orders.conftest import PURCHASE, SellLamp, far_away

pytestmark = pytest.mark.django_db
Put = Callable[..., Caller]


@pytest.fixture
def coffee(sell: SellLamp) -> Variant:
    """For €3.00 with 13.5 % tax, a size and milk; one of each at most, and milk must be chosen."""
    variant = sell("COFFEE", price=300)
    TaxRate.objects.create(country="FI", tax_class="food", basis_points=1350)
    Master.objects.filter(pk=variant.master_id).update(kind="food", tax_class="food")
    groups = (("size", 0, [("large", 80)]), ("milk", 1, [("oat", 50), ("black", 0)]))
    for position, (code, minimum, choices) in enumerate(groups):
        group = ModifierGroup.objects.create(
            master=variant.master,
            code=code,
            name=code.title(),
            minimum=minimum,
            position=position,
        )
        for place, (choice, price) in enumerate(choices):
            Modifier.objects.create(
                master=variant.master,
                group=group,
                code=choice,
                name=choice.title(),
                names={"de": f"{choice.title()} (de)"},
                price=price,
                position=place,
            )
    return variant


@pytest.fixture
def put(coffee: Variant, noon: datetime) -> Put:
    """Puts coffees into a guest's basket: codes, quantity, whose."""

    def put(*codes: str, quantity: int = 1, into: Caller | None = None) -> Caller:
        caller = into or Caller(locale="en")
        opened = baskets.add(caller, sku=coffee.sku, quantity=quantity, modifiers=codes, now=noon)
        return caller if caller.user_id else replace(caller, basket_token=opened.token)

    return put


@pytest.fixture
def bought(put: Put, details: Details, noon: datetime) -> Placed:
    guest = put("oat", "large", quantity=2)
    put("black", into=guest)
    return checkout.place(guest, details, now=noon, speed=1.0)


def shown(caller: Caller, now: datetime) -> dict[str, Any]:
    return baskets.show(baskets.find(caller), locale=caller.locale, now=now)


@pytest.mark.both
def test_the_same_choices_are_one_line_and_others_another(put: Put, noon: datetime) -> None:
    guest = put("oat", "large")
    put("large", "oat", quantity=2, into=guest)
    put("black", into=guest)

    lines = shown(guest, noon)["lines"]

    assert [(line["quantity"], line["total"]["amount"]) for line in lines] == [(3, 1290), (1, 300)]
    assert lines[0]["unit_price"] == {"amount": 430, "currency": "EUR"}
    assert lines[0]["modifiers"] == [
        {"code": "large", "name": "Large", "price": {"amount": 80, "currency": "EUR"}},
        {"code": "oat", "name": "Oat", "price": {"amount": 50, "currency": "EUR"}},
    ]
    assert BasketLine.objects.first().modifiers == ["large", "oat"]  # type: ignore[union-attr]
    assert shown(replace(guest, locale="de"), noon)["lines"][1]["modifiers"][0]["name"] == (
        "Black (de)"
    )


@pytest.mark.parametrize("codes", [(), ("oat", "black"), ("oat", "oat"), ("oat", "cream")])
def test_what_cannot_be_chosen_is_not_put_in(put: Put, codes: tuple[str, ...]) -> None:
    with pytest.raises(BadModifiers):
        put(*codes)

    assert not BasketLine.objects.exists()


@pytest.mark.both
def test_the_stock_is_that_of_all_lines_of_a_variant(
    put: Put, coffee: Variant, details: Details, noon: datetime
) -> None:
    guest = put("oat", quantity=6)
    with pytest.raises(OutOfStock) as refused:
        put("black", quantity=5, into=guest)
    assert refused.value.facts["available"] == 10
    put("black", quantity=4, into=guest)
    line = BasketLine.objects.get(modifiers_hash=BasketLine.objects.latest("pk").modifiers_hash)
    with pytest.raises(OutOfStock):
        baskets.set_quantity(guest, line_id=line.pk, quantity=5, now=noon)

    checkout.place(guest, details, now=noon, speed=1.0)

    assert StockItem.objects.get(variant=coffee).on_hand == 0


def test_fewer_than_all_lines_want_are_said_once(put: Put, coffee: Variant, noon: datetime) -> None:
    guest = put("oat", quantity=2)
    put("black", quantity=2, into=guest)
    StockItem.objects.filter(variant=coffee).update(on_hand=3)

    told = shown(guest, noon)["messages"]

    assert [(message["code"], message["available"]) for message in told] == [("stock_changed", 3)]


def test_a_changed_price_of_a_choice_is_said(put: Put, noon: datetime) -> None:
    guest = put("oat")
    Modifier.objects.filter(code="oat").update(price=70)

    found = shown(guest, noon)

    assert found["lines"][0]["unit_price"]["amount"] == 370
    (told,) = found["messages"]
    assert (told["code"], told["was"]["amount"]) == ("price_changed", 350)
    assert told["detail"] == "The price of COFFEE (Oat) has changed. It was €3.50."


@pytest.mark.usefixtures("coffee")
def test_nobody_pays_more_for_a_choice_than_they_were_told(client: Client) -> None:
    basket = send(client, {"sku": "COFFEE", "modifiers": ["oat"]}).json()
    Modifier.objects.filter(code="oat").update(price=70)

    refused = client.post(
        "/api/v1/orders/checkout",
        json.dumps({**PURCHASE, "expected_total": 740}),
        "application/json",
        headers={"Idempotency-Key": "one", "X-Basket-Token": basket["token"]},
    )

    assert (refused.status_code, refused.json()["code"]) == (409, "total_changed")
    assert not OrderLine.objects.exists()


@pytest.mark.parametrize(
    "go",
    [
        lambda: Modifier.objects.filter(code="oat").update(is_active=False),
        lambda: Modifier.objects.filter(code="oat").delete(),
        lambda: ModifierGroup.objects.filter(code="size").update(minimum=1),
    ],
    ids=["inactive", "deleted", "more must be chosen"],
)
def test_a_line_whose_choice_is_gone_is_not_for_sale(
    put: Put, details: Details, noon: datetime, go: Callable[[], object]
) -> None:
    guest = put("oat")
    go()

    found = shown(guest, noon)
    with pytest.raises(NotForSale):
        checkout.place(guest, details, now=noon, speed=1.0)

    (told,) = found["messages"]
    assert told["code"] == "not_for_sale"
    assert "is not made like this any more. Remove it, and choose again." in told["detail"]
    assert found["lines"][0]["unit_price"]["amount"] == 350
    begun = checkouts.begin(guest, PURCHASE, now=noon)
    assert begun["state"] == "incomplete"
    assert [message["code"] for message in begun["messages"]] == ["not_for_sale"]
    assert not OrderLine.objects.exists()


def test_a_checkout_keeps_its_prices_until_it_is_brought_up_to_date(
    put: Put, noon: datetime
) -> None:
    guest = put("oat")
    begun = checkouts.begin(guest, PURCHASE, now=noon)
    Modifier.objects.filter(code="oat").update(price=70)

    kept = checkouts.show(guest, begun["id"])
    moved = checkouts.update(guest, begun["id"], PURCHASE, now=noon)

    assert begun["state"] == moved["state"] == "ready_for_complete"
    assert [found["lines"][0]["unit_price"]["amount"] for found in (begun, kept, moved)] == [
        350,
        350,
        370,
    ]


@pytest.mark.both
def test_a_guests_lines_come_along_as_they_were_chosen(put: Put, noon: datetime) -> None:
    user = Caller(user_id=User.objects.create_user("maya@example.org").pk, locale="en")
    put("oat", into=user)
    guest = put("oat", quantity=2)
    put("black", quantity=8, into=guest)

    _opened, told = baskets.merge(replace(user, basket_token=guest.basket_token), now=noon)

    lines = shown(user, noon)["lines"]
    assert [(line["modifiers"][0]["code"], line["quantity"]) for line in lines] == [
        ("oat", 3),
        ("black", 7),
    ]
    assert [message["code"] for message in told] == ["quantity_capped"]


@pytest.mark.both
def test_an_order_keeps_what_was_chosen(bought: Placed, coffee: Variant) -> None:
    Modifier.objects.all().delete()
    Price.objects.update(amount=1)

    large, black = OrderLine.objects.order_by("position")

    assert (large.quantity, large.unit_price, large.total) == (2, 430, 860)
    assert large.modifiers == [
        {"code": "large", "name": "Large", "price": 80},
        {"code": "oat", "name": "Oat", "price": 50},
    ]
    assert (black.total, black.whole_name) == (300, "COFFEE (Black)")
    assert [(line.tax_basis_points, line.tax) for line in (large, black)] == [
        (1350, 102),
        (1350, 36),
    ]
    assert not BasketLine.objects.exists()
    assert StockItem.objects.get(variant=coffee).on_hand == 7


def test_what_was_added_while_it_was_paid_stays(
    put: Put, details: Details, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = put("oat", quantity=2)

    def meanwhile(request: Any) -> Any:
        put("black", into=guest)
        put("oat", into=guest)
        return charge(request)

    charge = PROVIDERS["demo"].charge
    monkeypatch.setitem(PROVIDERS, "demo", far_away(meanwhile))
    checkout.place(guest, details, now=noon, speed=1.0)

    assert sorted(BasketLine.objects.values_list("modifiers", "quantity")) == [
        (["black"], 1),
        (["oat"], 1),
    ]


def test_a_checkout_says_when_other_choices_are_in_the_basket(put: Put, noon: datetime) -> None:
    guest = put("oat")
    begun = checkouts.begin(guest, PURCHASE, now=noon)
    assert begun["lines"][0]["modifiers"][0]["name"] == "Oat"
    line = BasketLine.objects.get()
    baskets.remove(guest, line_id=line.pk, now=noon)
    put("black", into=guest)

    told = checkouts.show(guest, begun["id"])["messages"]

    assert "basket_changed" in {message["code"] for message in told}


def test_an_order_is_ordered_again_with_its_choices(
    bought: Placed, put: Put, noon: datetime
) -> None:
    guest = Caller(locale="en").with_ticket(bought.ticket)
    Modifier.objects.filter(code="black").update(is_active=False)

    opened, told = baskets.reorder(guest, bought.order.number, now=noon)

    lines = baskets.show(opened, locale="en", now=noon)["lines"]
    assert [(line["quantity"], line["unit_price"]["amount"]) for line in lines] == [(2, 430)]
    assert [message["code"] for message in told] == ["not_for_sale"]


def test_a_line_is_paid_back_with_its_choices(
    bought: Placed, staff: Caller, noon: datetime
) -> None:
    services.advance_due(now=noon + timedelta(hours=1))

    adjustments.refund(staff, bought.order.number, units={1: 1}, now=noon)

    assert Order.objects.get().given_back == 430


def test_what_there_is_no_more_of_is_said_once(
    bought: Placed, coffee: Variant, noon: datetime
) -> None:
    StockItem.objects.filter(variant=coffee).update(on_hand=1)
    guest = Caller(locale="en").with_ticket(bought.ticket)

    opened, told = baskets.reorder(guest, bought.order.number, now=noon)

    lines = baskets.show(opened, locale="en", now=noon)["lines"]
    assert [(line["quantity"], line["unit_price"]["amount"]) for line in lines] == [(1, 430)]
    assert [message["code"] for message in told] == ["quantity_capped"]


# the faces


def send(client: Client, body: dict[str, Any], method: str = "POST", token: str = "") -> Any:
    return client.generic(
        method,
        "/api/v1/basket/items",
        json.dumps(body),
        "application/json",
        headers={"X-Basket-Token": token} if token else {},
    )


@pytest.mark.usefixtures("coffee")
def test_rest_takes_codes_and_points_at_what_is_wrong(client: Client) -> None:
    good = send(client, {"sku": "COFFEE", "modifiers": ["oat"]})
    both = [{"sku": "COFFEE", "modifiers": ["black", "large"]}, {"sku": "COFFEE", "quantity": 2}]
    token = good.json()["token"]
    replaced = send(client, {"items": both[:1]}, "PUT", token)
    kept = send(client, {"items": both}, "PUT", token)
    refused = send(client, {"sku": "COFFEE", "modifiers": ["oat", "cream"]}, token=token)

    assert good.json()["lines"][0]["unit_price"]["amount"] == 350
    assert replaced.json()["lines"][0]["unit_price"]["amount"] == 380
    assert refused.status_code == 422
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["code"] == "bad_modifiers"
    assert [(error["pointer"], error["code"]) for error in refused.json()["errors"]] == [
        ("/modifiers/1", "unknown_modifier")
    ]
    assert [error["pointer"] for error in kept.json()["errors"]] == ["/items/1/modifiers"]
    assert [(line.quantity, line.modifiers) for line in BasketLine.objects.all()] == [
        (1, ["black", "large"])
    ]


@pytest.mark.usefixtures("coffee")
@pytest.mark.parametrize("modifiers", ["oat", None, [1, None], [["oat"]], ["x" * 41], ["a"] * 51])
def test_what_is_no_list_of_codes_is_refused(client: Client, modifiers: object) -> None:
    refused = send(client, {"sku": "COFFEE", "modifiers": modifiers})

    assert refused.status_code in {400, 422}
    assert not BasketLine.objects.exists()


@pytest.mark.usefixtures("coffee")
def test_the_page_sends_what_was_chosen_and_the_basket_shows_it(client: Client) -> None:
    form = {"sku": "COFFEE", "quantity": "1", "modifiers-size": "", "modifiers-milk": "oat"}

    basket = client.post("/basket/add", form, follow=True).content.decode()
    asked = client.post("/basket/add", {"sku": "COFFEE", "quantity": "1"}, follow=True)

    assert 'aria-label="Remove COFFEE (Oat)"' in basket
    assert "€3.50" in basket
    assert asked.redirect_chain[-1][0] == "/p/coffee?sku=COFFEE&quantity=1"
    assert "Milk: choose at least 1." in asked.content.decode()
    assert 'value="oat" data-more="50" required' in asked.content.decode()
    assert "Oat" in client.get("/checkout").content.decode()


def test_order_receipt_and_admin_show_what_was_chosen(bought: Placed, admin_client: Client) -> None:
    number = bought.order.number
    for page in (f"/orders/{number}?ticket={bought.ticket}", f"/orders/{number}/receipt"):
        assert "Oat" in admin_client.get(page, follow=True).content.decode(), page
    admin = admin_client.get(f"/admin/orders/order/{bought.order.pk}/change/", follow=True)
    told = admin_client.get(f"/api/v1/orders/{number}").json()["lines"]

    assert "COFFEE (Large, Oat)" in admin.content.decode()
    assert told[0]["modifiers"][1] == {
        "code": "oat",
        "name": "Oat",
        "price": {"amount": 50, "currency": "EUR"},
    }


def test_an_agent_reads_what_was_chosen(put: Put, noon: datetime) -> None:
    found = shown(put("oat", "large"), noon)

    with translation.override("en"):
        said = please_confirm(lines=found["lines"], totals=found["totals"], name="Maya", city="")

    assert "- 1 x COFFEE (Large, Oat): €4.30" in said
