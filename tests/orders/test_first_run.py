"""The first run: from an empty database to the first order, by plain forms."""

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils.translation import override

from catalog import shop
from catalog.models import Master, ShopSettings
from museo.access.models import User
from orders.delivery import DeliveryOption
from orders.models import Order, TaxRate
from tests.orders.conftest import ADDRESS, PURCHASE

pytestmark = pytest.mark.django_db
PASSWORD = "a long password"
NAME = {
    "name": "Amphora",
    "contact_email": "hello@amphora.example",
    "country": "DE",
    "currency": "EUR",
    "time_zone": "",
}
LANGUAGES = {"languages": ["en", "de"], "default_language": "de"}
DELIVERY = {"way": "courier", "price": "4,50", "country": "DE", "postal_prefixes": "10, 12"}
TAXES = {"is_included": "on", "standard": "19", "food": "7", "books": "", "admission": "7"}
PRODUCT = {
    "name": "Große Vase",
    "kind": "physical",
    "price": "84.00",
    "on_hand": "3",
    "room": "Vasen",
}
STEPS: list[dict[str, Any]] = [NAME, LANGUAGES, DELIVERY, TAXES, PRODUCT]


@pytest.fixture(autouse=True)
def _fresh() -> None:
    """As `scripts/run --no-demo` leaves it."""
    shop.forget()


@pytest.fixture
def owner() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("o@example.org", is_staff=True, is_superuser=True))
    return client


@pytest.mark.parametrize("address", ["/login", "/admin/login/?next=/admin/"])
def test_signing_in_leads_there(address: str) -> None:
    User.objects.create_superuser("staff@example.org", PASSWORD)

    typed = {"username": "staff@example.org", "password": PASSWORD}
    signed_in = Client().post(address, typed, follow=True)

    assert signed_in.redirect_chain[-1][0] == "/admin/first-run/1"


def send(client: Client, number: int, form: dict[str, Any]) -> Any:
    return client.post(f"/admin/first-run/{number}", form)


def errors(response: Any) -> list[str]:
    assert response.status_code == 400
    return list(response.context["form"].errors)


def test_five_forms_lead_from_nothing_to_the_first_order(owner: Client) -> None:
    assert owner.get("/admin/")["Location"] == "/admin/first-run"

    for number, form in enumerate(STEPS, 1):
        page = f"/admin/first-run/{number}"
        assert owner.get("/admin/first-run")["Location"] == page
        assert owner.get(page).status_code == 200
        assert owner.get("/healthz").status_code == 200
        sent = send(owner, number, form)
        assert sent["Location"] == ("/" if number == 5 else f"/admin/first-run/{number + 1}")

    shopper = Client()
    front = shopper.get("/").content.decode()
    assert "Amphora" in front
    assert "Große Vase" in front
    assert '<html lang="de"' in front
    assert 'href="mailto:hello@amphora.example"' in front
    sku = shopper.get("/api/v1/catalog/products").json()["results"][0]["default_sku"]
    added = call(shopper, "/basket/items", {"sku": sku, "quantity": 1}).json()
    address = {**ADDRESS, "country": "DE", "postal_code": "10115"}
    bought = call(
        shopper,
        "/orders/checkout",
        {**PURCHASE, "address": address},
        **{"Idempotency-Key": "k", "X-Basket-Token": added["token"]},
    )
    assert bought.status_code == 201
    assert bought.json()["total"] == {"amount": 8850, "currency": "EUR"}
    assert Order.objects.get().locale == "de"
    tax = next(row for row in Order.objects.get().totals if row["type"] == "tax")
    assert tax["amount"] > 0
    # it is over: what is left to say is said in the settings
    assert owner.get("/admin/first-run")["Location"].startswith("/admin/catalog/shopsettings")
    assert owner.get("/admin/").status_code == 200


@pytest.mark.parametrize(("country", "currency"), [("JP", "JPY"), ("BG", "EUR"), ("AE", "AED")])
def test_the_money_of_the_country_is_meant_without_a_word(
    owner: Client, country: str, currency: str
) -> None:
    send(owner, 1, {**NAME, "country": country, "currency": ""})

    assert shop.current().currency == currency


def test_an_example_of_an_amount_is_one_in_the_shops_currency(owner: Client) -> None:
    send(owner, 1, {**NAME, "country": "JP", "currency": "JPY"})
    send(owner, 2, LANGUAGES)

    told = send(owner, 3, {**DELIVERY, "price": "8.40"}).context["form"].errors

    assert told["price"] == ["Write an amount, such as 840."]


@pytest.mark.parametrize(
    ("language", "currency", "zone"),
    [
        ("fr", "la devise du pays", "le fuseau horaire du pays"),
        ("ar", "عملة البلد", "المنطقة الزمنية للبلد"),
    ],
)
def test_what_the_country_has_is_named(
    owner: Client, language: str, currency: str, zone: str
) -> None:
    form = owner.get("/admin/first-run/1", headers={"Accept-Language": language}).context["form"]

    with override(language):
        firsts = [form.fields[name].choices[0] for name in ("currency", "time_zone")]
    assert firsts == [("", currency), ("", zone)]


@pytest.mark.parametrize("country", ["AQ", "PA"])
def test_a_currency_is_asked_for_where_there_is_no_one(owner: Client, country: str) -> None:
    told = {**NAME, "country": country, "currency": "", "time_zone": "UTC"}

    assert errors(send(owner, 1, told)) == ["currency"]
    assert send(owner, 1, {**told, "currency": "USD"}).status_code == 302


@pytest.mark.parametrize(
    ("country", "said"), [("DE", "are usual in your country"), ("JP", "do not know the rates")]
)
def test_rates_are_called_usual_where_they_are_known(
    owner: Client, country: str, said: str
) -> None:
    forms: list[dict[str, Any]] = [{**NAME, "country": country}, LANGUAGES, DELIVERY]
    for number, form in enumerate(forms, 1):
        send(owner, number, form)

    assert said in owner.get("/admin/first-run/4").content.decode()


def call(client: Client, path: str, body: Any, **headers: str) -> Any:
    sent = json.dumps(body)
    return client.post(f"/api/v1{path}", sent, content_type="application/json", headers=headers)


def test_what_was_said_is_there_when_one_comes_back(owner: Client) -> None:
    for number, form in enumerate(STEPS[:4], 1):
        send(owner, number, form)

    said = [
        owner.get(f"/admin/first-run/{number}").context["form"].initial for number in (1, 2, 3, 4)
    ]

    assert said[0] == {**NAME, "time_zone": "Europe/Berlin"}
    assert said[1] == LANGUAGES
    assert said[2] == {
        "way": "courier",
        "price": "4.50",
        "country": "DE",
        "postal_prefixes": "10, 12",
    }
    assert said[3] == {"standard": "19", "food": "7", "admission": "7", "is_included": True}


def test_the_rates_of_the_country_are_suggested(owner: Client) -> None:
    for number, form in enumerate(STEPS[:3], 1):
        send(owner, number, form)

    page = owner.get("/admin/first-run/4").content.decode()

    assert re.findall(r'name="(\w+)" value="([\d.]+)"', page) == [
        ("standard", "19"),
        ("food", "7"),
        ("books", "7"),
        ("admission", "7"),
    ]


def test_a_step_done_again_replaces_what_it_said(owner: Client) -> None:
    for number, form in enumerate(STEPS[:4], 1):
        send(owner, number, form)

    send(owner, 3, {"way": "pickup", "price": "0", "country": "", "postal_prefixes": ""})
    send(owner, 4, {**TAXES, "food": "", "standard": "20"})

    active = DeliveryOption.objects.filter(is_active=True).values_list("code", flat=True)
    assert sorted(active) == ["digital", "pickup"]
    rates = dict(TaxRate.objects.values_list("tax_class", "basis_points"))
    assert rates == {"standard": 2000, "admission": 700}
    assert ShopSettings.objects.get().steps_done == 4


def test_no_step_is_skipped(owner: Client) -> None:
    assert owner.get("/admin/first-run/3")["Location"] == "/admin/first-run"
    assert send(owner, 5, PRODUCT)["Location"] == "/admin/first-run"
    assert not Master.objects.exists()
    assert owner.get("/admin/first-run/6")["Location"] == "/admin/first-run"


def test_later_leads_to_the_admin_and_back(owner: Client) -> None:
    assert owner.get("/admin/?later").status_code == 200
    assert owner.get("/admin/").status_code == 200

    front = owner.get("/").content.decode()

    assert 'href="/admin/first-run"' in front


def test_a_shop_may_open_without_products(owner: Client) -> None:
    for number, form in enumerate(STEPS[:4], 1):
        send(owner, number, form)

    opened = send(owner, 5, {"without": "1"})

    assert opened["Location"] == "/"
    assert shop.current().is_open
    assert not Master.objects.exists()


def test_shoppers_before_the_opening_are_asked_to_come_back(client: Client) -> None:
    page = client.get("/")

    assert page.status_code == 200
    assert "We open soon" in page.content.decode()
    assert client.get("/api/v1/catalog/products").json()["results"] == []


@pytest.mark.parametrize(
    ("number", "changes", "field"),
    [
        (1, {"name": " "}, "name"),
        (1, {"name": "x" * 81}, "name"),
        (1, {"name": "nul \x00"}, "name"),
        (1, {"country": "US"}, "time_zone"),
        (1, {"currency": "EURO"}, "currency"),
        (2, {"languages": []}, "languages"),
        (2, {"default_language": "fr"}, "default_language"),
        (3, {"way": "drone"}, "way"),
        (3, {"price": "4.505"}, "price"),
        (3, {"price": "-1"}, "price"),
        (3, {"postal_prefixes": "1" * 21}, "postal_prefixes"),
        (4, {"standard": "101"}, "standard"),
        (4, {"food": "7.005"}, "food"),
        (5, {"price": "free"}, "price"),
        (5, {"price": "99999999999"}, "__all__"),
        (5, {"name": "bell \x07"}, "__all__"),
        (5, {"on_hand": "-1"}, "on_hand"),
        (5, {"on_hand": str(2**70)}, "on_hand"),
        (5, {"kind": "nothing"}, "kind"),
        (5, {"name": "x" * 161}, "name"),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_is_kept(
    owner: Client, number: int, changes: dict[str, Any], field: str
) -> None:
    for before, form in enumerate(STEPS[: number - 1], 1):
        send(owner, before, form)

    refused = send(owner, number, {**STEPS[number - 1], **changes})

    assert errors(refused) == [field]
    assert shop.current().steps_done == number - 1
    assert not Master.objects.exists()


def test_amounts_are_in_the_digits_of_the_shops_currency(owner: Client) -> None:
    send(owner, 1, {**NAME, "currency": "JPY", "country": "JP"})
    send(owner, 2, LANGUAGES)

    assert errors(send(owner, 3, {**DELIVERY, "price": "4.5"})) == ["price"]
    send(owner, 3, {**DELIVERY, "price": "450"})

    assert DeliveryOption.objects.get(code="courier").price == 450


@pytest.mark.parametrize("role", ["catalogue", "fulfillment", "support"])
def test_other_roles_do_not_set_the_shop_up(role: str) -> None:
    user = User.objects.create_user(f"{role}@example.org", is_staff=True)
    user.groups.set(Group.objects.filter(name=role))
    client = Client()
    client.force_login(user)

    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/first-run").status_code == 403
    assert send(client, 1, NAME).status_code == 403
    assert not ShopSettings.objects.exists()
