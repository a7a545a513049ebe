"""The pages of baskets, checkout and orders, as a browser without JavaScript sees them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from catalog.demo import house
from catalog.models import Master, StockItem, Variant
from museo.access.callers import TICKET_COOKIE
from orders import services
from orders.models import BasketLine, Checkout, Order
from orders.tracking import Placed
from tests.orders.conftest import FORM, SellLamp

pytestmark = pytest.mark.django_db


@pytest.fixture
def shopper(client: Client, sell: SellLamp) -> Client:
    """A guest with one lamp in the basket."""
    sell(price=12900)
    client.post("/basket/add", {"sku": "LAMP", "quantity": "1"})
    return client


def text(response: Any) -> str:
    return str(response.content.decode())


def test_a_guests_basket_is_kept_in_a_cookie_that_scripts_cannot_read(shopper: Client) -> None:
    cookie = shopper.cookies["museo_basket"]

    page = text(shopper.get("/basket"))

    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert "€129.00" in page
    assert "Basket, 1 product" in page


@pytest.mark.parametrize("quantity", ["0", "-1", "many", "1000000000", "", "1" * 40])
def test_a_bad_quantity_is_said_and_nothing_is_added(
    client: Client, sell: SellLamp, quantity: str
) -> None:
    sell()

    page = client.post("/basket/add", {"sku": "LAMP", "quantity": quantity}, follow=True)

    assert "Choose a quantity from 1 to 999." in text(page)
    assert not BasketLine.objects.exists()


def test_a_sku_that_nothing_can_have_is_said_and_nothing_is_added(client: Client) -> None:
    added = client.post("/basket/add", {"sku": "LA\0MP", "quantity": "1"})

    assert added.status_code == 302
    assert not BasketLine.objects.exists()


def test_a_line_is_changed_and_removed(shopper: Client) -> None:
    line = BasketLine.objects.get()

    changed = shopper.post(f"/basket/lines/{line.pk}", {"quantity": "3"}, follow=True)
    assert "€387.00" in text(changed)
    too_many = shopper.post(f"/basket/lines/{line.pk}", {"quantity": "11"}, follow=True)
    assert "Only 10 of LAMP are left." in text(too_many)
    removed = shopper.post(f"/basket/lines/{line.pk}", {"remove": "1"}, follow=True)
    assert "Your basket is empty." in text(removed)


def test_the_page_of_an_empty_basket_has_no_checkout(client: Client) -> None:
    assert client.get("/checkout").headers["Location"] == "/basket"


def test_paying_leads_to_the_order_which_its_cookie_opens(shopper: Client) -> None:
    landed = shopper.post("/checkout", FORM, follow=True)

    order = Order.objects.get()
    assert landed.redirect_chain == [(f"/orders/{order.number}", 302)]
    page = text(landed)
    for fact in ("We have your order", "LAMP", "€132.90", "Museum Street 1", 'status="placed"'):
        assert fact in page
    assert 'http-equiv="refresh"' in page
    assert order.number in text(shopper.get("/orders"))


def test_the_same_form_sent_twice_is_one_order(shopper: Client) -> None:
    first = shopper.post("/checkout", FORM)
    second = shopper.post("/checkout", FORM)

    assert first.headers["Location"] == second.headers["Location"]
    assert Order.objects.count() == 1


def test_who_pays_in_another_tab_once_more_sees_what_they_have_bought(shopper: Client) -> None:
    first = shopper.post("/checkout", FORM)
    second = shopper.post("/checkout", {**FORM, "key": "of another tab"})

    assert second.headers["Location"] == first.headers["Location"]
    assert Order.objects.count() == 1


def test_what_is_wrong_with_the_form_is_listed_and_what_was_typed_stays(shopper: Client) -> None:
    response = shopper.post("/checkout", {**FORM, "email": "maya@", "city": ""})

    page = text(response)
    assert response.status_code == 400
    assert '<a href="#email">' in page
    assert '<a href="#city">' in page
    assert 'value="Maya Okafor"' in page
    assert not Checkout.objects.exists()


def test_a_declined_card_is_said_and_another_try_is_another_purchase(shopper: Client) -> None:
    declined = shopper.post("/checkout", {**FORM, "payment": "declined"})

    assert declined.status_code == 409
    assert "declined and nothing was taken" in text(declined)
    assert 'value="one"' not in text(declined)
    assert shopper.post("/checkout", {**FORM, "key": "two"}).status_code == 302


@pytest.mark.parametrize(("answer", "orders"), [("approve", 1), ("refuse", 0)])
def test_a_payment_that_asks_is_answered_once(shopper: Client, answer: str, orders: int) -> None:
    asked = shopper.post("/checkout", {**FORM, "payment": "needs_action"})
    page = asked.headers["Location"]
    assert "€132.90" in text(shopper.get(page))

    shopper.post(page, {answer: "1"})

    assert Order.objects.count() == orders
    # the page that asked leads on: to the order, or to another try
    again = shopper.get(page).headers["Location"]
    assert again == (f"/orders/{Order.objects.get().number}" if orders else "/checkout")


def test_what_was_typed_is_there_again_when_the_bank_refuses(shopper: Client) -> None:
    page = shopper.post("/checkout", {**FORM, "payment": "needs_action"})
    back = shopper.post(page.headers["Location"], {"refuse": "1"}, follow=True)

    assert [path for path, _status in back.redirect_chain][-1] == "/checkout"
    for name in ("name", "email", "line1", "postal_code", "city"):
        assert f'value="{FORM[name]}"' in text(back), name


def test_what_was_bought_is_not_begun_again_with(shopper: Client) -> None:
    assert shopper.post("/checkout", FORM).status_code == 302
    shopper.post("/basket/add", {"sku": "LAMP", "quantity": "1"})

    assert FORM["email"] not in text(shopper.get("/checkout"))


def test_who_pays_by_a_link_leaves_nothing_of_theirs_in_the_basket(shopper: Client) -> None:
    token = shopper.cookies["museo_basket"].value
    made = shopper.post(
        "/api/v1/basket/payment-link",
        {},
        content_type="application/json",
        headers={"X-Basket-Token": token},
    )
    path = f"/pay/link/{made.json()['url'].rpartition('/')[2]}"

    Client().post(path, {**FORM, "payment": "needs_action"})

    assert Checkout.objects.get().email == FORM["email"]
    assert FORM["email"] not in text(shopper.get("/checkout"))


def test_another_sum_than_was_shown_is_not_charged(shopper: Client) -> None:
    response = shopper.post("/checkout", {**FORM, "delivery": "pickup"})

    assert "The sum has changed" in text(response)
    assert 'value="12900"' in text(response)
    assert not Order.objects.exists()


def test_what_somebody_else_has_bought_meanwhile_is_said_and_nothing_is_paid(
    shopper: Client,
) -> None:
    shopper.post("/basket/add", {"sku": "LAMP", "quantity": "2"})
    StockItem.objects.update(on_hand=2)

    page = shopper.post("/checkout", {**FORM, "expected_total": "39090"})

    assert "Only 2 of LAMP are left." in text(page)
    assert 'value="maya@example.org"' in text(page)
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("change", "status"),
    [({"key": ""}, 400), ({"delivery": "rocket"}, 400), ({"expected_total": "x"}, 409)],
)
def test_a_form_that_was_tampered_with_buys_nothing(
    shopper: Client, change: dict[str, str], status: int
) -> None:
    assert shopper.post("/checkout", {**FORM, **change}).status_code == status
    assert not Order.objects.exists()


def test_somebody_elses_order_payment_and_link_are_not_there(
    client: Client, sell: SellLamp, buy: Callable[..., Placed]
) -> None:
    sell()
    number = buy().order.number

    for path in (f"/orders/{number}", "/orders/ORD-NONE", "/t/guessed", "/pay/pay_guessed"):
        response = client.get(path)
        assert response.status_code == 404
        assert "There is nothing here" in text(response)
    assert number not in text(client.get("/orders"))


@pytest.mark.parametrize("link", ["/t/{ticket}", "/orders/{number}?ticket={ticket}"])
def test_a_link_moves_its_ticket_into_a_cookie(
    client: Client, sell: SellLamp, buy: Callable[..., Placed], link: str
) -> None:
    sell()
    placed = buy()

    response = client.get(link.format(ticket=placed.ticket, number=placed.order.number))

    assert response.headers["Location"] == f"/orders/{placed.order.number}"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.cookies[TICKET_COOKIE]["httponly"]
    assert client.get(response.headers["Location"]).status_code == 200
    assert client.get(f"{response.headers['Location']}/receipt").status_code == 200


def test_the_page_speaks_the_readers_language_and_shows_the_newest_state(
    client: Client, sell: SellLamp, buy: Callable[..., Placed]
) -> None:
    sell()
    placed = buy()
    services.advance_due(now=placed.order.placed_at + timedelta(minutes=4))
    client.cookies[TICKET_COOKIE] = placed.ticket

    page = text(client.get(f"/orders/{placed.order.number}", headers={"Accept-Language": "de-AT"}))

    assert '<html lang="de" dir="ltr"' in page
    assert "Wir bereiten Ihre Bestellung vor" in page
    assert 'version="3"' in page


@pytest.mark.parametrize(
    ("form", "page"),
    [
        ("/basket/add", "/basket"),
        ("/basket/lines/1", "/basket"),
        ("/basket/coupon", "/basket"),
        ("/orders/ORD-7K4Q2M9X/share", "/orders/ORD-7K4Q2M9X"),
        ("/orders/ORD-7K4Q2M9X/amend", "/orders/ORD-7K4Q2M9X"),
        ("/p/lamp/questions", "/p/lamp"),
        ("/p/lamp/reviews", "/p/lamp"),
        ("/account/addresses", "/account/notifications"),
        ("/account/apps/1/disconnect", "/account/apps"),
        ("/ask/turns/1/stop", "/ask"),
        ("/logout", "/account"),
    ],
)
def test_whoever_opens_what_a_form_is_sent_to_is_led_to_its_page(
    client: Client, form: str, page: str
) -> None:
    """By signing in anew on the way, in another language, or out of the history."""
    opened = client.get(form)

    assert (opened.status_code, opened.headers["Location"]) == (302, page)


def test_a_coupon_that_is_refused_stays_in_its_field(shopper: Client) -> None:
    refused = shopper.post("/basket/coupon", {"code": "WELCOM10"})

    assert refused.status_code == 409
    assert "There is no such coupon." in text(refused)
    assert 'name="code" autocomplete="off" maxlength="40" value="WELCOM10"' in text(refused)


def test_shoppers_read_the_names_of_products_not_their_skus(
    shopper: Client, sell: SellLamp, noon: datetime
) -> None:
    """In what is refused, capped, or has become too few since."""
    lamp = Master.objects.get()
    lamp.name = "Reading lamp"
    lamp.save()
    line = BasketLine.objects.get()

    def say(count: str) -> str:
        changed = shopper.post(f"/basket/lines/{line.pk}", {"quantity": count}, follow=True)
        return text(changed)

    assert "Only 10 of Reading lamp are left." in say("11")
    Variant.objects.update(max_per_order=2)
    assert "An order may have 2 of Reading lamp." in say("3")
    StockItem.objects.update(on_hand=0)
    assert "Reading lamp is sold out." in text(shopper.get("/basket"))
    assert "Reading lamp is sold out." in text(shopper.post("/checkout", FORM))


def test_countries_are_sorted_whatever_accents_they_have(shopper: Client) -> None:
    shopper.post("/language", {"language": "es", "next": "/"})

    page = text(shopper.get("/checkout"))

    assert page.index(">Antártida<") < page.index(">Antigua y Barbuda<")


def test_an_address_keeps_its_order_in_a_page_that_reads_the_other_way(
    client: Client, noon: datetime
) -> None:
    house.open_doors(now=noon)
    client.post("/language", {"language": "ar", "next": "/"})

    pages = [text(client.get(path)) for path in ("/about", "/contact")]

    starts = '<p class="box" dir="auto">Museo Shop Oy<br'
    assert [starts in page for page in pages] == [True, True]
