"""Staff who may only look see a page of the admin as it is written, and count what they may."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from catalog.models import Category, Modifier, ModifierGroup, Price, StockItem, Variant
from catalog.prices import DEAREST
from museo.access.models import User
from orders.discounts import Coupon
from orders.models import DeliveryOption, Plan
from orders.taxes import TaxRate
from tests.orders.conftest import SellLamp

pytestmark = [pytest.mark.django_db, pytest.mark.both]

SignIn = Callable[[str], Client]
KEPT_AS = ("minor units", "basis points", "object (", "390", "1490", "1900")


@pytest.fixture
def sign_in() -> SignIn:
    def sign_in(role: str) -> Client:
        person = User.objects.create_user(f"{role}@museo.example", is_staff=True)
        person.groups.add(Group.objects.get(name=role))
        client = Client()
        client.force_login(person)
        return client

    return sign_in


@pytest.fixture
def lamp(sell: SellLamp) -> Variant:
    return sell("LAMP", price=1490, on_hand=7)


@pytest.mark.parametrize("role", ["fulfillment", "support"])
def test_a_product_shows_its_name_price_and_stock(
    sign_in: SignIn, lamp: Variant, role: str
) -> None:
    group = ModifierGroup.objects.create(master=lamp.master, name="Shade", code="shade")
    own = {"master": lamp.master, "group": group}
    Modifier.objects.create(**own, name="Linen", code="linen", price=1490)
    eyes = sign_in(role)

    page = eyes.get(f"/admin/catalog/master/{lamp.master_id}/change/").content.decode()
    choices = eyes.get(f"/admin/catalog/modifiergroup/{group.pk}/change/").content.decode()

    for text in (str(lamp.master), "€14.90", "Price before", "In stock", ">7<"):
        assert text in page.replace("\n", "").replace(" <", "<").replace("> ", ">"), text
    assert "€14.90" in choices
    assert [kept for kept in KEPT_AS if kept in choices] == []


@pytest.mark.parametrize("role", ["fulfillment", "support"])
def test_a_category_shows_where_it_hangs(sign_in: SignIn, lamp: Variant, role: str) -> None:
    room = Category.objects.get(pk=lamp.master.primary_category_id)

    page = sign_in(role).get(f"/admin/catalog/category/{room.pk}/change/")

    assert page.status_code == 200
    assert room.slug in page.content.decode()


def test_terms_show_amounts_and_rates_as_people_write_them(sign_in: SignIn) -> None:
    way = DeliveryOption.objects.get(code="courier")
    off = Coupon.objects.create(code="TEN", kind="percent", value=1000, minimum_total=1490)
    less = Coupon.objects.create(code="FIVE", kind="fixed", value=500)
    rate = TaxRate.objects.create(country="DE", tax_class="books", basis_points=1900)
    plan = Plan.objects.get(code="courier")
    eyes = sign_in("support")

    seen = {
        row: eyes.get(f"/admin/orders/{row._meta.model_name}/{row.pk}/change/").content.decode()
        for row in (way, off, less, rate, plan)
    }

    assert {kept for page in seen.values() for kept in KEPT_AS if kept in page} == set()
    assert "€3.90" in seen[way]
    assert "Physical, Food" in seen[way]
    assert "10 %" in seen[off]
    assert "€14.90" in seen[off]
    assert "€5.00" in seen[less]
    assert "19 %" in seen[rate]
    assert "Out for delivery" in seen[plan]


def rows_of(lamp: Variant, **changes: str) -> dict[str, str]:
    return {
        "form-TOTAL_FORMS": "1",
        "form-INITIAL_FORMS": "1",
        "form-0-id": str(lamp.pk),
        "form-0-on_hand": "7",
        "initial-form-0-on_hand": "7",
        "form-0-is_active": "on",
        "_save": "Save",
        **changes,
    }


def test_who_counts_changes_the_stock_of_many_and_no_price(sign_in: SignIn, lamp: Variant) -> None:
    hands = sign_in("fulfillment")
    listed = hands.get("/admin/catalog/variant/").content.decode()
    assert 'name="form-0-on_hand"' in listed

    answer = hands.post(
        "/admin/catalog/variant/",
        rows_of(lamp, **{"form-0-on_hand": "9", "form-0-price": "1", "form-0-is_active": ""}),
    )

    assert answer.status_code == 302
    assert StockItem.objects.get(variant=lamp).on_hand == 9
    lamp.refresh_from_db()
    assert lamp.is_active
    assert lamp.prices.get(valid_to=None).amount == 1490


def test_who_only_looks_counts_nothing(sign_in: SignIn, lamp: Variant) -> None:
    eyes = sign_in("support")
    assert 'name="form-0-on_hand"' not in eyes.get("/admin/catalog/variant/").content.decode()

    answer = eyes.post("/admin/catalog/variant/", rows_of(lamp, **{"form-0-on_hand": "9"}))

    assert answer.status_code in (200, 403)
    assert StockItem.objects.get(variant=lamp).on_hand == 7


def test_who_may_add_and_not_change_has_the_fields(sign_in: SignIn, lamp: Variant) -> None:
    eyes = sign_in("support")
    group = ModifierGroup.objects.create(master=lamp.master, name="Shade", code="shade")
    wanted = ["add_taxrate", "view_taxrate", "add_coupon", "view_coupon"]
    wanted += ["change_modifiergroup", "add_modifier"]
    person = User.objects.get(email="support@museo.example")
    person.user_permissions.add(*Permission.objects.filter(codename__in=wanted))

    rate = eyes.get("/admin/orders/taxrate/add/").content.decode()
    coupon = eyes.get("/admin/orders/coupon/add/").content.decode()
    choices = eyes.get(f"/admin/catalog/modifiergroup/{group.pk}/change/").content.decode()

    assert 'name="basis_points"' in rate
    assert 'name="percent"' in coupon
    assert 'name="modifiers-__prefix__-price"' in choices


def test_a_dear_product_keeps_nobody_from_counting(sign_in: SignIn, lamp: Variant) -> None:
    Price.objects.update(amount=DEAREST)
    rows = rows_of(lamp, **{"form-0-on_hand": "8"})

    assert sign_in("fulfillment").post("/admin/catalog/variant/", rows).status_code == 302

    assert StockItem.objects.get().on_hand == 8
    assert Price.objects.get().amount == DEAREST
