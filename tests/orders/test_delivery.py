"""Ways of delivery, the taxes of where it goes, and tips: what fits a basket and what does not."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from catalog.models import Master, Variant
from museo.access.callers import Caller
from museo.access.models import User
from museo.access.problems import Invalid
from orders import baskets, checkout, contents, delivery, demo, offers, taxes
from orders.delivery import DeliveryNotPossible
from orders.details import Details
from orders.models import Coupon, DeliveryOption, Order, TaxRate
from tests.orders.conftest import ADDRESS, SellLamp

pytestmark = pytest.mark.django_db

BODY = {"email": "maya@example.org", "name": "Maya Okafor"}
SellKind = Callable[[str, str], Variant]


@pytest.fixture
def sell_kind(sell: SellLamp) -> SellKind:
    """Puts a product of a kind on sale: sku, kind."""

    def sell_kind(sku: str, kind: str) -> Variant:
        variant = sell(sku, price=1000)
        Master.objects.filter(pk=variant.master_id).update(kind=kind)
        return variant

    return sell_kind


def basket_of(*skus: str, now: datetime) -> Caller:
    guest = Caller()
    for sku in skus:
        guest = guest.with_basket(baskets.add(guest, sku=sku, quantity=1, now=now).token)
    return guest


def place(guest: Caller, body: dict[str, Any], now: datetime) -> Order:
    details = Details.parse({**BODY, **body}, kinds=baskets.kinds(guest))
    return checkout.place(guest, details, now=now, speed=1.0).order


@pytest.mark.parametrize(
    ("kinds", "codes"),
    [
        ((), ["courier", "pickup", "digital"]),
        (("physical",), ["courier", "pickup"]),
        (("food", "physical", "ticket"), ["courier", "pickup"]),
        (("digital", "ticket"), ["digital"]),
    ],
)
def test_what_is_in_the_basket_restricts_how_it_is_delivered(
    kinds: tuple[str, ...], codes: list[str]
) -> None:
    assert [option.code for option in delivery.options(kinds)] == codes


def test_a_ticket_needs_no_address_and_no_courier(sell_kind: SellKind, noon: datetime) -> None:
    sell_kind("DAY", "ticket")
    guest = basket_of("DAY", now=noon)

    with pytest.raises(Invalid) as raised:
        place(guest, {"delivery": "courier", "address": ADDRESS}, noon)
    assert raised.value.errors[0]["detail"] == "Choose one of: digital."
    order = place(guest, {}, noon)

    assert (order.delivery, order.plan, order.address) == ("digital", "digital", {})
    assert [part["amount"] for part in order.totals] == [1000, 0, 1000]


def test_a_way_goes_to_its_areas_alone(sell: SellLamp, noon: datetime) -> None:
    sell()
    courier = DeliveryOption.objects.get(code="courier")
    courier.areas.create(country="FI", postal_prefix="00")
    courier.areas.create(country="FI", postal_prefix="02 1")
    guest = basket_of("LAMP", now=noon)

    for postal_code, country in (("33100", "FI"), ("02200", "FI"), ("00130", "SE")):
        where = {**ADDRESS, "postal_code": postal_code, "country": country}
        with pytest.raises(DeliveryNotPossible) as raised:
            place(guest, {"address": where}, noon)
        assert raised.value.facts["reason"] == "not_there"
        assert raised.value.code == "delivery_not_possible"
    assert place(guest, {"address": {**ADDRESS, "postal_code": "021-50"}}, noon).total == 13290


def test_a_ticket_bought_twice_with_one_key_is_answered_twice(
    sell_kind: SellKind, noon: datetime
) -> None:
    sell_kind("DAY", "ticket")
    guest = basket_of("DAY", now=noon)
    body = {**BODY, "note": ["\ud800", 2**70]}

    first = checkout.place_once(guest, body, key="k", now=noon, speed=1.0)
    second = checkout.place_once(guest, body, key="k", now=noon, speed=1.0)

    assert (first.status, second.body, second.is_replay) == (201, first.body, True)


@pytest.mark.parametrize(
    ("opens", "closes", "is_open"),
    [
        ((10, 0), (14, 1), True),
        ((10, 0), (14, 0), False),
        ((22, 0), (15, 0), True),
        ((0, 0), (0, 0), True),
    ],
)
def test_a_way_is_open_by_the_shops_own_clock(
    opens: tuple[int, int], closes: tuple[int, int], is_open: bool
) -> None:
    noon_in_utc = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    option = DeliveryOption(opens_at=time(*opens), closes_at=time(*closes))

    assert option.is_open(noon_in_utc) is is_open


def test_a_way_that_is_closed_or_switched_off_is_not_offered_nor_taken(
    sell: SellLamp, noon: datetime
) -> None:
    sell()
    guest = basket_of("LAMP", now=noon)
    details = Details.parse({**BODY, "address": ADDRESS})
    buy = partial(checkout.place, guest, details, now=noon, speed=1.0)
    courier = DeliveryOption.objects.filter(code="courier")

    courier.update(opens_at=time(18), closes_at=time(22))
    with pytest.raises(DeliveryNotPossible) as raised:
        buy()
    assert (
        raised.value.detail
        == "Courier to your door is open from 18:00 to 22:00. Choose another way."
    )
    courier.update(is_active=False)
    with pytest.raises(DeliveryNotPossible):
        buy()
    offered = offers.deliveries({"physical"}, address={}, now=noon, speed=1.0)
    assert [option["code"] for option in offered] == ["pickup"]


def test_delivery_options_over_rest_are_those_of_the_basket_and_the_address(
    sell: SellLamp, client: Client
) -> None:
    sell()
    DeliveryOption.objects.get(code="courier").areas.create(country="FI", postal_prefix="00")
    post = partial(client.post, content_type="application/json")
    token = post("/api/v1/basket/items", {"sku": "LAMP"}).json()["token"]

    def codes(query: str) -> list[str]:
        path = f"/api/v1/basket/delivery-options{query}"
        found = client.get(path, headers={"X-Basket-Token": token}).json()["results"]
        return [option["code"] for option in found]

    assert codes("") == codes("?country=fi&postal_code=00130") == ["courier", "pickup"]
    assert codes("?country=SE&postal_code=00130") == ["pickup"]
    [courier, _pickup] = client.get(
        "/api/v1/basket/delivery-options", headers={"X-Basket-Token": token}
    ).json()["results"]
    assert courier["price"] == {"amount": 390, "currency": "EUR"}
    assert courier["eta"].endswith("Z")
    bad = client.get("/api/v1/basket/delivery-options?country=Finland")
    assert bad.status_code == 400


def test_tax_is_that_of_the_address_and_of_the_day(sell: SellLamp, noon: datetime) -> None:
    sell(price=12550)
    demo.fill()
    TaxRate.objects.filter(country="FI").update(valid_to=noon + timedelta(days=1))
    TaxRate.objects.create(country="FI", basis_points=3000, valid_from=noon + timedelta(days=1))

    def tax(country: str, now: datetime) -> int:
        guest = basket_of("LAMP", now=now)
        order = place(guest, {"address": {**ADDRESS, "country": country}}, now)
        assert order.total == 12550 + 390
        line = order.lines.get()
        assert line.tax_basis_points == taxes.rates(country, now=now)["standard"].basis_points
        return sum(part["amount"] for part in order.totals if part["type"] == "tax")

    assert tax("FI", noon) == 2550 + 79
    assert tax("DE", noon) == 2004 + 62
    assert tax("FI", noon + timedelta(days=1)) == 2896 + 90


def test_a_tax_on_top_is_charged_and_kept_with_the_line(sell: SellLamp, noon: datetime) -> None:
    sell(price=1000)
    TaxRate.objects.create(country="US", basis_points=825, is_included=False)

    order = place(basket_of("LAMP", now=noon), {"address": {**ADDRESS, "country": "US"}}, noon)

    line = order.lines.get()
    assert (line.tax, line.is_tax_included) == (83, False)
    assert order.total == 1000 + 390 + 83 + 32


def test_the_kind_of_a_product_taxes_it_unless_it_says_otherwise(
    sell_kind: SellKind, noon: datetime
) -> None:
    bun = sell_kind("BUN", "food")
    demo.fill()
    opened = baskets.find(basket_of("BUN", now=noon))
    assert opened

    def rate() -> int:
        inside = contents.of(opened.basket.pk, locale="en", now=noon)
        quote, _refused = offers.glance(opened.basket, inside, user_id=None, now=noon)
        return quote.lines[0].tax_basis_points

    assert rate() == 1350
    Master.objects.filter(pk=bun.master_id).update(tax_class="standard")
    assert rate() == 2550


def test_a_tip_is_for_the_kitchen_and_no_larger_than_its_dishes(
    sell_kind: SellKind, sell: SellLamp, noon: datetime
) -> None:
    sell_kind("BUN", "food")
    sell("LAMP", price=9000)

    for skus, tip in ((["LAMP"], 1), (["BUN", "LAMP"], 1001)):
        guest = basket_of(*skus, now=noon)
        with pytest.raises(Invalid) as raised:
            place(guest, {"address": ADDRESS, "tip": tip}, noon)
        assert raised.value.errors[0]["pointer"] == "/tip"
    order = place(basket_of("BUN", now=noon), {"address": ADDRESS, "tip": 150}, noon)
    assert [(part["type"], part["amount"]) for part in order.totals] == [
        ("items", 1000),
        ("delivery", 390),
        ("tip", 150),
        ("total", 1540),
    ]


FORM = {**ADDRESS, **BODY, "delivery": "courier", "payment": "ok", "key": "one"}


def test_the_page_shows_tax_tip_and_coupon_without_buying(
    sell_kind: SellKind, client: Client
) -> None:
    sell_kind("BUN", "food")
    demo.fill()
    client.post("/basket/add", {"sku": "BUN", "quantity": "2"})
    page = partial(client.post, "/checkout")

    shown = page({**FORM, "tip": "1,50", "show": "1"}).content.decode()
    for fact in ("€20.00", "€3.90", "€1.50", "Tax, in these prices", "€25.40"):
        assert fact in shown
    refused = page({**FORM, "coupon": "1", "code": "NONE"}).content.decode()
    assert "There is no such coupon." in refused
    assert 'value="Maya Okafor"' in refused
    with_coupon = page({**FORM, "coupon": "1", "code": "welcome10"}).content.decode()
    assert "-€2.00" in with_coupon
    assert "Coupon WELCOME10" in with_coupon
    assert not Order.objects.exists()

    wrong = page({**FORM, "tip": "1.005", "expected_total": "2190"})
    assert (wrong.status_code, Order.objects.exists()) == (400, False)
    bought = page({**FORM, "tip": "1.50", "expected_total": "2340"})
    assert bought.status_code == 302
    assert Order.objects.get().total == 1800 + 390 + 150
    assert "Discount" in client.get(bought.headers["Location"]).content.decode()


def test_the_baskets_page_takes_a_coupon_and_gives_it_back(sell: SellLamp, client: Client) -> None:
    sell(price=1000)
    demo.fill()
    client.post("/basket/add", {"sku": "LAMP", "quantity": "1"})

    used = client.post("/basket/coupon", {"code": "WELCOME10", "coupon": "1"}, follow=True)
    assert "Coupon WELCOME10" in used.content.decode()
    removed = client.post("/basket/coupon", {"no_coupon": "1"}, follow=True)
    assert "Coupon WELCOME10" not in removed.content.decode()
    wrong = client.post("/basket/coupon", {"code": "<b>", "coupon": "1"}, follow=True)
    assert "There is no such coupon." in wrong.content.decode()


@pytest.fixture
def admin(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("staff@museo.example"))
    return client


def test_staff_make_coupons_rates_and_ways_of_delivery(admin: Client) -> None:
    made = admin.post(
        "/admin/orders/coupon/add/",
        {
            "code": "summer-5",
            "kind": "percent",
            "percent": "5.5",
            "minimum_total": "20.00",
            "is_active": "on",
        },
    )
    assert made.status_code == 302, made.content.decode()
    coupon = Coupon.objects.get()
    assert (coupon.code, coupon.value, coupon.minimum_total) == ("SUMMER-5", 550, 2000)
    assert "5.5 %" in admin.get("/admin/orders/coupon/").content.decode()
    path = f"/admin/orders/coupon/{coupon.pk}/change/"
    assert 'value="5.50"' in admin.get(path).content.decode()
    empty = admin.post(path, {"code": "A B", "kind": "fixed", "minimum_total": "0"})
    assert empty.status_code == 200
    assert Coupon.objects.get().code == "SUMMER-5"

    rate = {"country": "FI", "tax_class": "standard", "basis_points": "25,5", "is_included": "on"}
    when = {"valid_from_0": "2026-01-01", "valid_from_1": "00:00:00"}
    # nobody lives there, so nobody would be taxed
    for nowhere in ("", "XX", "UK", "fi"):
        no = admin.post("/admin/orders/taxrate/add/", {**rate, **when, "country": nowhere})
        assert no.status_code == 200, nowhere
    assert ">Finland<" in admin.get("/admin/orders/taxrate/add/").content.decode()
    assert admin.post("/admin/orders/taxrate/add/", {**rate, **when}).status_code == 302
    assert (TaxRate.objects.get().country, TaxRate.objects.get().basis_points) == ("FI", 2550)

    courier = DeliveryOption.objects.get(code="courier")
    changed = admin.post(
        f"/admin/orders/deliveryoption/{courier.pk}/change/",
        {
            "code": "courier",
            "name": "Bike",
            "price": "4.50",
            "tax_class": "standard",
            "plan": "courier",
            "kinds": ["food"],
            "needs_address": "on",
            "is_active": "on",
            "position": "0",
            "areas-TOTAL_FORMS": "1",
            "areas-INITIAL_FORMS": "0",
            "areas-0-country": "FI",
            "areas-0-postal_prefix": "00",
        },
    )
    assert changed.status_code == 302, changed.content.decode()
    courier.refresh_from_db()
    assert (courier.price, courier.kinds, courier.label) == (450, ["food"], "Bike")
    assert courier.areas.get().country == "FI"
    # the others still take what is on sale
    assert "No way of delivery takes" not in admin.get("/admin/orders/").content.decode()


RATE = {
    "country": "FI",
    "tax_class": "food",
    "basis_points": "14",
    "valid_from_0": "2026-01-02",
    "valid_from_1": "00:00",
}
WAY = {
    "code": "bike",
    "name": "Bike",
    "price": "4.50",
    "tax_class": "standard",
    "plan": "courier",
    "kinds": ["food"],
    "position": "0",
    "areas-TOTAL_FORMS": "0",
    "areas-INITIAL_FORMS": "0",
}
COUPON = {"code": "SUMMER", "kind": "percent", "percent": "5", "minimum_total": "0"}
LATER = "Choose an end after the beginning."
BOTH = "Say both when it opens and when it closes, or neither."
# in a shop east of Greenwich that day begins before time does
FIRST_DAY = {"valid_from_0": "0001-01-01", "valid_from_1": "00:00"}
REFUSED = [
    ("taxrate", RATE | {"valid_to_0": "2026-01-01", "valid_to_1": "00:00"}, "valid_to", LATER),
    ("taxrate", RATE | FIRST_DAY, "valid_from", "Enter a valid date."),
    (
        "coupon",
        COUPON
        | {"starts_at_0": "2026-12-01", "starts_at_1": "00:00"}
        | {"ends_at_0": "2026-12-01", "ends_at_1": "00:00"},
        "ends_at",
        LATER,
    ),
    ("deliveryoption", WAY | {"opens_at": "10:00"}, "closes_at", BOTH),
    ("deliveryoption", WAY | {"closes_at": "10:00"}, "opens_at", BOTH),
]


@pytest.mark.parametrize(("model", "typed", "field", "said"), REFUSED)
def test_staff_are_told_beside_the_field_what_to_change_in_terms(
    admin: Client, model: str, typed: dict[str, Any], field: str, said: str
) -> None:
    with timezone.override("Europe/Helsinki"):
        answer = admin.post(f"/admin/orders/{model}/add/", typed)

    assert answer.status_code == 200
    form = answer.context["adminform"].form
    assert {name: list(errors) for name, errors in form.errors.items()} == {field: [said]}


@pytest.mark.both
@pytest.mark.django_db
def test_staff_hear_what_nobody_can_buy_once_a_way_of_delivery_is_closed(
    sell: SellLamp, client: Client
) -> None:
    sell()
    client.force_login(User.objects.create_superuser("boss@museo.example"))
    DeliveryOption.objects.exclude(code="courier").update(is_active=False)
    courier = DeliveryOption.objects.get(code="courier")
    form = {
        "code": "courier",
        "name": "Bike",
        "price": "4.50",
        "tax_class": "standard",
        "plan": "courier",
        "needs_address": "on",
        "is_active": "on",
        "position": "0",
        "areas-TOTAL_FORMS": "0",
        "areas-INITIAL_FORMS": "0",
    }
    page = f"/admin/orders/deliveryoption/{courier.pk}/change/"

    fine = client.post(page, {**form, "kinds": ["food", "physical"]}, follow=True)
    closed = client.post(page, {**form, "kinds": ["food"]}, follow=True)

    said = "No way of delivery takes what is of this kind: Physical. Nobody can buy it."
    assert [said in told.content.decode() for told in (fine, closed)] == [False, True]
