"""What may be chosen with a dish: written by staff, read by shoppers."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from catalog import masters, modifiers, sheets
from catalog.drafts import BadProduct
from catalog.models import Category, Master, Modifier, ModifierGroup
from catalog.products import detail
from museo.access.callers import Caller, caller_for_user
from museo.access.models import Trail, User

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def staff() -> Caller:
    return caller_for_user(User.objects.create_superuser("staff@museo.example"), locale="en")


def choice(code: str, amount: int = 0, **more: Any) -> dict[str, Any]:
    price = {"amount": amount, "currency": "EUR"}
    return {"code": code, "name": code.title(), "price": price, **more}


MILK = {
    "code": "milk",
    "name": "Milk",
    "names": {"de": "Milch"},
    "modifiers": [choice("oat", 50, names={"de": "Hafermilch"}), choice("whole")],
}
SPICE = {
    "code": "spice",
    "name": "Spice",
    "minimum": 1,
    "maximum": 2,
    "modifiers": [choice("mild"), choice("hot"), choice("lime", 30)],
}


@pytest.fixture
def soup(staff: Caller) -> Master:
    Category.objects.add_root(instance=Category(slug="cafe", name="Café"))
    price = {"price": {"amount": 900, "currency": "EUR"}}
    return masters.create(
        staff,
        {
            "category": "cafe",
            "kind": "food",
            "status": "active",
            "translations": {"en": {"name": "Soup"}},
            "variants": [{"sku": "SOUP", "prices": [price], "on_hand": 7}],
            "modifier_groups": [MILK, SPICE],
        },
        now=NOON,
    )


def menu(locale: str = "en") -> list[dict[str, Any]]:
    return list(detail("soup", locale=locale, now=NOON)["modifiers"])


@pytest.mark.usefixtures("soup")
def test_a_product_shows_what_is_chosen_with_it_in_the_readers_language() -> None:
    milk, spice = menu("de-AT")

    assert milk == {
        "code": "milk",
        "name": "Milch",
        "minimum": 0,
        "maximum": 1,
        "choices": [
            {"code": "oat", "name": "Hafermilch", "price": {"amount": 50, "currency": "EUR"}},
            {"code": "whole", "name": "Whole", "price": {"amount": 0, "currency": "EUR"}},
        ],
    }
    assert (spice["name"], spice["minimum"], spice["maximum"]) == ("Spice", 1, 2)


@pytest.mark.usefixtures("soup")
def test_what_is_inactive_is_not_shown_and_nobody_must_choose_it() -> None:
    Modifier.objects.filter(group__code="milk").update(is_active=False)
    Modifier.objects.filter(code__in=["mild", "hot"]).update(is_active=False)
    ModifierGroup.objects.filter(code="spice").update(minimum=2)

    (spice,) = menu()

    assert [each["code"] for each in spice["choices"]] == ["lime"]
    assert spice["minimum"] == 1


@pytest.mark.usefixtures("soup")
def test_a_detail_with_modifiers_costs_one_query(django_assert_num_queries: Any) -> None:
    menu()
    with django_assert_num_queries(1):
        assert len(menu()) == 2


@pytest.mark.usefixtures("soup")
def test_the_page_has_a_field_for_each_group() -> None:
    page = Client().get("/p/soup").content.decode()

    assert 'type="radio" name="modifiers-milk" value="oat"' in page
    assert 'type="checkbox" name="modifiers-spice" value="lime"' in page
    assert "+€0.50" in page


def test_staff_change_what_they_name_and_replace_the_rest(staff: Caller, soup: Master) -> None:
    dearer = {"code": "milk", "modifiers": [choice("oat", 70), choice("soy", 60)]}
    masters.update(staff, soup.public_id, {"modifier_groups": [dearer]}, revision=1, now=NOON)

    milk, _spice = menu("de")
    assert [(each["code"], each["name"], each["price"]["amount"]) for each in milk["choices"]] == [
        ("oat", "Hafermilch", 70),
        ("whole", "Whole", 0),
        ("soy", "Soy", 60),
    ]
    assert Trail.objects.latest("pk").fields == ["modifiers.milk"]

    sheet = sheets.sheet(staff, soup.public_id)
    whole = {
        "category": "cafe",
        "slug": "soup",
        "status": "active",
        "kind": "food",
        "translations": sheet["translations"],
        "variants": [{"sku": "SOUP"}],
        "modifier_groups": [sheet["modifier_groups"][1]],
    }
    masters.replace(staff, soup.public_id, whole, revision=2, now=NOON)

    assert [group["code"] for group in menu()] == ["spice"]
    assert not Modifier.objects.filter(code="oat").exists()


@pytest.mark.parametrize(
    ("group", "fault"),
    [
        ({"minimum": 2}, ("/modifier_groups/0/maximum", "out_of_range")),
        ({"maximum": 2**70}, ("/modifier_groups/0/maximum", "out_of_range")),
        ({"minimum": -1}, ("/modifier_groups/0/maximum", "out_of_range")),
        ({"name": " "}, ("/modifier_groups/0/name", "required")),
        ({"code": "a b"}, ("/modifier_groups/0/code", "invalid")),
        (
            {"modifiers": [choice("oat", -1)]},
            ("/modifier_groups/0/modifiers/0/price/amount", "out_of_range"),
        ),
        (
            {"modifiers": [choice("oat", price={"amount": 1, "currency": "JPY"})]},
            ("/modifier_groups/0/modifiers/0/price/currency", "invalid"),
        ),
        (
            {"modifiers": [choice("oat"), choice("oat")]},
            ("/modifier_groups/0/modifiers/1/code", "twice"),
        ),
    ],
)
def test_what_is_wrong_with_a_group_is_said_beside_its_field(
    staff: Caller, soup: Master, group: dict[str, Any], fault: tuple[str, str]
) -> None:
    fields = {"modifier_groups": [{**MILK, **group}]}

    with pytest.raises(BadProduct) as refused:
        masters.update(staff, soup.public_id, fields, revision=None, now=NOON)

    assert fault in {(error["pointer"], error["code"]) for error in refused.value.errors}
    assert menu()[0]["choices"][0]["price"]["amount"] == 50


@pytest.mark.usefixtures("soup")
@pytest.mark.parametrize(
    ("codes", "fault"),
    [
        ([], ("/modifiers", "too_few")),
        (["mild", "hot", "lime"], ("/modifiers", "too_many")),
        (["hot", "oat", "whole"], ("/modifiers", "too_many")),
        (["hot", "cheese"], ("/modifiers/1", "unknown_modifier")),
        (["hot", "hot"], ("/modifiers/1", "twice")),
        (["hot", "\x00"], ("/modifiers/1", "unknown_modifier")),
    ],
)
def test_choices_that_cannot_be_made_are_refused(codes: list[str], fault: tuple[str, str]) -> None:
    with pytest.raises(modifiers.BadModifiers) as refused:
        modifiers.require(rows(), codes)

    assert [(error["pointer"], error["code"]) for error in refused.value.errors] == [fault]


@pytest.mark.usefixtures("soup")
def test_choices_cost_what_they_add_up_to() -> None:
    assert modifiers.require(rows(), ["lime", "hot", "oat"]) == 80
    assert modifiers.hash_of(["lime", "hot"]) == modifiers.hash_of(["hot", "lime"])
    assert modifiers.hash_of([]) == ""
    assert [each.code for each in modifiers.chosen(rows(), ["gone", "oat"], locale="en")] == [
        "oat",
        "gone",
    ]


def rows() -> Any:
    found = Modifier.objects.order_by("group__position", "position").select_related("group")
    return [
        {
            **{name: getattr(row, name) for name in ("code", "name", "names", "price")},
            "is_active": row.is_active,
            "in_group": row.group.code,
            "group_name": row.group.name,
            "group_names": row.group.names,
            "minimum": row.group.minimum,
            "maximum": row.group.maximum,
        }
        for row in found
    ]


@pytest.mark.both
def test_the_database_keeps_the_rules_of_modifiers(soup: Master) -> None:
    milk = ModifierGroup.objects.get(code="milk")
    for refused in (
        lambda: Modifier.objects.create(master=soup, group=milk, code="hot"),
        lambda: Modifier.objects.update(price=-1),
        lambda: ModifierGroup.objects.update(minimum=3),
        lambda: ModifierGroup.objects.update(minimum=0, maximum=0),
        lambda: ModifierGroup.objects.create(master=soup, code="milk"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            refused()


def test_staff_edit_groups_on_the_products_page_and_choices_on_their_own(
    soup: Master, client: Client
) -> None:
    client.force_login(User.objects.get())
    milk = ModifierGroup.objects.get(code="milk")
    address = f"/admin/catalog/modifiergroup/{milk.pk}/change/"
    oat, whole = milk.modifiers.order_by("position")
    form = {
        "name": "Milk",
        "names": "{}",
        "code": "milk",
        "minimum": "0",
        "maximum": "1",
        "position": "0",
        # two rows are left empty
        "modifiers-TOTAL_FORMS": "5",
        "modifiers-INITIAL_FORMS": "2",
    }
    for index, row in enumerate((oat, whole, None)):
        form |= {
            f"modifiers-{index}-id": str(row.pk) if row else "",
            f"modifiers-{index}-group": str(milk.pk),
            f"modifiers-{index}-name": row.name if row else "Soy",
            f"modifiers-{index}-names": "{}",
            f"modifiers-{index}-code": row.code if row else "soy",
            f"modifiers-{index}-price": "0.70",
            f"modifiers-{index}-is_active": "on",
            f"modifiers-{index}-position": str(index),
        }

    for index in (3, 4):
        form |= {
            f"modifiers-{index}-group": str(milk.pk),
            f"modifiers-{index}-names": "{}",
            f"initial-modifiers-{index}-names": "{}",
            f"modifiers-{index}-price": "0.00",
            f"modifiers-{index}-is_active": "on",
            f"modifiers-{index}-position": "0",
        }

    assert (
        "modifier_groups-TOTAL_FORMS"
        in client.get(f"/admin/catalog/master/{soup.pk}/change/").content.decode()
    )
    twice = client.post(address, {**form, "modifiers-2-code": "hot"})
    assert "This code is there twice." in twice.content.decode()
    client.post(address, form)

    assert [each["price"]["amount"] for each in menu()[0]["choices"]] == [70, 70, 70]
    assert Modifier.objects.get(code="soy").master == soup
    assert Trail.objects.latest("pk").fields == ["modifiers.milk"]
