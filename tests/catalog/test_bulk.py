"""Staff edit many prices and shelves on one page, and see who did what."""

from typing import Any

import pytest
from django.test import Client

from catalog import masters
from catalog.models import Category, Master, Price, StockItem, StockMovement, Variant
from catalog.products import detail
from museo.access.callers import Caller, caller_for_user
from museo.access.models import Trail, User
from tests.catalog.test_masters import NOON, bowl, price

LIST = "/admin/catalog/variant/"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def room() -> Category:
    node: Category = Category.objects.add_root(instance=Category(slug="clay", name="Clay"))
    return node


@pytest.fixture
def owner() -> User:
    return User.objects.create_superuser("staff@museo.example")


@pytest.fixture
def caller(owner: User) -> Caller:
    return caller_for_user(owner, locale="en")


@pytest.fixture
def staff(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def sell(caller: Caller, *skus: str) -> list[Variant]:
    for sku in skus:
        variants = [{"sku": sku, "prices": [price(8405)], "on_hand": 7}]
        masters.create(caller, bowl(slug=sku.lower(), variants=variants), now=NOON)
    return [Variant.objects.get(sku=sku) for sku in skus]


def rows(*variants: Variant, **changes: str) -> dict[str, str]:
    """The page as it was shown, with what was typed over it: `A_price`, `B_on_hand`."""
    form = {
        "form-TOTAL_FORMS": str(len(variants)),
        "form-INITIAL_FORMS": str(len(variants)),
        "_save": "Save",
    }
    for index, variant in enumerate(variants):
        shown = {"price": "84.05", "list_price": "", "on_hand": "7"}
        typed = {name: changes.get(f"{variant.sku}_{name}", text) for name, text in shown.items()}
        form |= {f"initial-form-{index}-{name}": text for name, text in shown.items()}
        form |= {f"form-{index}-{name}": text for name, text in typed.items()}
        form |= {f"form-{index}-id": str(variant.pk), f"form-{index}-is_active": "on"}
    return form


def test_prices_and_stock_of_many_are_saved_at_once(staff: Client, caller: Caller) -> None:
    one, two, three = sell(caller, "A", "B", "C")
    page = staff.get(LIST).content.decode()
    assert page.count('-price" value="84.05"') == 6

    answer = staff.post(LIST, rows(one, two, three, A_price="70.00", B_on_hand="9"))

    assert answer.status_code == 302, answer.content.decode()
    assert detail("a", locale="en", now=NOON.replace(year=2030))["price"]["amount"] == 7000
    assert StockItem.objects.get(variant=two).on_hand == 9
    revisions = dict(Master.objects.values_list("slug", "revision"))
    assert revisions == {"a": 2, "b": 1, "c": 1}
    left = list(Trail.objects.order_by("pk").values_list("what", "fields"))[3:]
    assert left == [("stock.counted", ["on_hand"]), ("product.changed", ["variants.A.prices"])]


def test_what_is_sold_while_the_page_is_open_stays_sold(staff: Client, caller: Caller) -> None:
    [one] = sell(caller, "A")
    StockItem.objects.update(on_hand=6)

    staff.post(LIST, rows(one, A_on_hand="10"))

    assert StockItem.objects.get().on_hand == 9
    assert StockMovement.objects.latest("pk").delta == 3


def test_a_price_that_somebody_else_has_changed_is_not_overwritten(
    staff: Client, caller: Caller
) -> None:
    [one] = sell(caller, "A")
    changed = {"variants": [{"sku": "A", "prices": [price(5000)]}]}
    masters.update(caller, one.master.public_id, changed, revision=None, now=NOON)

    answer = staff.post(LIST, rows(one, A_price="70.00"))

    assert "Somebody else has changed this price meanwhile." in answer.content.decode()
    assert sorted(Price.objects.values_list("amount", flat=True)) == [5000, 8405]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"A_price": "84.005"}, "2 decimal places"),
        ({"A_price": "-1"}, "greater than or equal to 0"),
        ({"A_price": "1e99"}, "less than or equal to"),
        ({"A_price": ""}, "Write a price."),
        ({"A_list_price": "10.00"}, "cannot be lower than the price"),
        ({"A_on_hand": "-2"}, "greater than or equal to 0"),
    ],
)
def test_a_bad_row_is_said_and_no_row_is_saved(
    staff: Client, caller: Caller, typed: dict[str, str], said: str
) -> None:
    variants = sell(caller, "A", "B")

    answer = staff.post(LIST, rows(*variants, B_on_hand="9", **typed))

    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert set(StockItem.objects.values_list("on_hand", flat=True)) == {7}
    assert set(Price.objects.values_list("amount", flat=True)) == {8405}


def test_the_page_costs_the_same_queries_for_one_row_and_for_many(
    staff: Client, caller: Caller, django_assert_max_num_queries: Any
) -> None:
    sell(caller, "A")
    with django_assert_max_num_queries(12) as one:
        staff.get(LIST)
    sell(caller, "B", "C", "D", "E")

    with django_assert_max_num_queries(len(one.captured_queries)):
        staff.get(LIST)


def test_filters_find_what_needs_looking_at(staff: Client, caller: Caller) -> None:
    sell(caller, "MANY", "FEW", "NONE")
    StockItem.objects.filter(variant__sku="FEW").update(on_hand=2)
    StockItem.objects.filter(variant__sku="NONE").update(on_hand=0)
    Price.objects.filter(variant__sku="MANY").delete()

    def found(address: str) -> set[str]:
        page = staff.get(address).context["cl"].result_list
        return {getattr(row, "sku", None) or row.slug for row in page}

    assert found(f"{LIST}?stock=low") == {"FEW"}
    assert found(f"{LIST}?stock=out") == {"NONE"}
    assert found(f"{LIST}?price=none") == {"MANY"}
    assert found(f"{LIST}?status=draft") == set()
    assert found("/admin/catalog/master/?stock=low") == {"few"}
    assert found("/admin/catalog/master/?stock=out") == {"none"}
    assert found("/admin/catalog/master/?picture=none") == {"many", "few", "none"}


def test_a_variant_has_no_page_of_its_own(staff: Client, caller: Caller) -> None:
    [one] = sell(caller, "A")

    answer = staff.get(f"{LIST}{one.pk}/change/")

    assert answer["Location"] == f"/admin/catalog/master/{one.master_id}/change/"
    assert staff.get(f"{LIST}999/change/").status_code == 404


def test_the_history_says_who_did_what(staff: Client, caller: Caller) -> None:
    [one] = sell(caller, "A")
    staff.post(LIST, rows(one, A_on_hand="9"))

    page = staff.get(f"/admin/catalog/master/{one.master_id}/history/").content.decode()

    for said in ("staff@museo.example", "Made", "Stock counted", "A, on_hand"):
        assert said in page
    assert staff.get("/admin/catalog/master/x/history/").status_code == 404


def test_helpers_see_no_history(client: Client, caller: Caller) -> None:
    [one] = sell(caller, "A")
    client.force_login(User.objects.create_user("helper@museo.example", is_staff=True))

    assert client.get(f"/admin/catalog/master/{one.master_id}/history/").status_code == 403


def test_a_category_moves_but_never_below_itself(staff: Client, room: Category) -> None:
    bowls = Category.objects.add_child(room, instance=Category(slug="bowls", name="Bowls"))
    small = Category.objects.add_child(bowls, instance=Category(slug="small", name="Small"))
    form = {"slug": "bowls", "name": "Bowls", "room": "clay", "is_active": "on"}
    address = f"/admin/catalog/category/{bowls.pk}/change/"

    def depths() -> dict[str, int]:
        return dict(Category.objects.order_by("path").values_list("slug", "depth"))

    for circular in (bowls, small):
        answer = staff.post(address, {**form, "parent": str(circular.pk)})
        assert "A category cannot be below itself" in answer.content.decode()
    assert depths() == {"clay": 1, "bowls": 2, "small": 3}

    assert staff.post(address, {**form, "parent": ""}).status_code == 302
    assert depths() == {"clay": 1, "bowls": 1, "small": 2}
    assert staff.post(address, {**form, "parent": str(room.pk)}).status_code == 302
    assert depths() == {"clay": 1, "bowls": 2, "small": 3}
