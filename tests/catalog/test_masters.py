"""Staff make, change, delete and restore products by the one service."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalog import masters, sheets
from catalog.drafts import BadProduct
from catalog.models import (
    Category,
    Master,
    Price,
    StockItem,
    StockMovement,
    StockReservation,
    Variant,
)
from catalog.products import detail
from museo.access import trail
from museo.access.callers import Caller, caller_for_user
from museo.access.models import Trail, User
from museo.access.problems import NotAllowed, NotSignedIn
from notifications.models import Event

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
pytestmark = [pytest.mark.django_db(transaction=False), pytest.mark.both_in_long]


@pytest.fixture
def staff() -> Caller:
    return caller_for_user(User.objects.create_superuser("staff@museo.example"), locale="en")


@pytest.fixture(autouse=True)
def room() -> Category:
    node: Category = Category.objects.add_root(instance=Category(slug="clay", name="Clay"))
    return node


def price(amount: int, currency: str = "EUR", **more: Any) -> dict[str, Any]:
    return {"price": {"amount": amount, "currency": currency}, **more}


def bowl(**changes: Any) -> dict[str, Any]:
    """A product on sale with one variant."""
    return {
        "category": "clay",
        "status": "active",
        "translations": {"en": {"name": "Blue bowl"}},
        "variants": [{"sku": "BOWL", "prices": [price(8405)], "on_hand": 7}],
        **changes,
    }


COLOURS = {
    "code": "colour",
    "name": "Colour",
    "names": {"de": "Farbe"},
    "values": [{"code": "red", "label": "Red"}, {"code": "blue", "label": "Blue"}],
}


def two_bowls(**changes: Any) -> dict[str, Any]:
    variants = [
        {"sku": sku, "prices": [price(8405)], "on_hand": 7, "options": {"colour": colour}}
        for sku, colour in (("RED", "red"), ("BLUE", "blue"))
    ]
    return bowl(options=[COLOURS], variants=variants, **changes)


def errors_of(refused: pytest.ExceptionInfo[BadProduct]) -> set[tuple[str, str]]:
    return {(error["pointer"], error["code"]) for error in refused.value.errors}


def test_a_product_is_made_with_variant_price_stock_and_trail(staff: Caller) -> None:
    master = masters.create(staff, bowl(), now=NOON)

    shown = detail("blue-bowl", locale="en", now=NOON)
    assert (shown["name"], shown["default_sku"]) == ("Blue bowl", "BOWL")
    assert shown["price"] == {"amount": 8405, "currency": "EUR"}
    assert shown["available"] == 7
    assert master.published_at == NOON
    assert StockMovement.objects.get().delta == 7
    traced = trail.of(master.public_id)
    assert [(row.name, row.what, row.at) for row in traced] == [
        ("staff@museo.example", "product.created", NOON)
    ]
    event = Event.objects.get()
    assert (event.topic, event.type) == ("staff.catalog", "product.created")
    assert event.data["product_id"] == master.public_id
    assert "Blue bowl" not in str(event.data)


def test_a_change_touches_what_it_names_and_raises_the_revision(staff: Caller) -> None:
    made = masters.create(staff, bowl(brand="Old"), now=NOON)

    changed = masters.update(
        staff,
        made.public_id,
        {"brand": "New", "translations": {"de": {"name": "Blaue Schale"}}},
        revision=1,
        now=NOON,
    )

    assert changed.revision == 2
    assert detail("blue-bowl", locale="de", now=NOON)["name"] == "Blaue Schale"
    assert detail("blue-bowl", locale="en", now=NOON)["name"] == "Blue bowl"
    assert Trail.objects.latest("pk").fields == ["brand", "name.de"]
    assert Variant.objects.get().sku == "BOWL"


def test_the_second_of_two_writers_is_told_and_writes_nothing(staff: Caller) -> None:
    made = masters.create(staff, bowl(), now=NOON)
    masters.update(staff, made.public_id, {"brand": "First"}, revision=1, now=NOON)

    with pytest.raises(masters.EditedMeanwhile) as refused:
        masters.update(staff, made.public_id, {"brand": "Second"}, revision=1, now=NOON)

    assert refused.value.status == 412
    assert refused.value.facts["revision"] == 2
    assert Master.objects.get().brand == "First"
    assert Trail.objects.count() == 2


def test_a_replacement_takes_away_what_it_does_not_name(staff: Caller) -> None:
    texts = {"en": {"name": "Blue bowl", "subtitle": "Clay"}, "de": {"name": "Schale"}}
    made = masters.create(staff, two_bowls(brand="Old", translations=texts), now=NOON)

    masters.replace(staff, made.public_id, bowl(), revision=1, now=NOON)

    sheet = sheets.sheet(staff, made.public_id)
    assert [row["sku"] for row in sheet["variants"]] == ["BOWL"]
    assert (sheet["brand"], sheet["options"], list(sheet["translations"])) == ("", [], ["en"])
    assert sheet["translations"]["en"]["subtitle"] == ""
    assert sheet["published_at"] == NOON


def test_a_sheet_can_be_sent_back_as_it_was_read(staff: Caller) -> None:
    made = masters.create(staff, two_bowls(), now=NOON)
    before = sheets.sheet(staff, made.public_id)

    masters.replace(staff, made.public_id, before, revision=1, now=NOON + timedelta(days=1))

    after = sheets.sheet(staff, made.public_id)
    assert after["revision"] == 2
    for sheet in (before, after):
        del sheet["revision"], sheet["updated_at"]
    assert after == before
    assert Trail.objects.latest("pk").fields == []


def test_variants_exchange_their_options_but_are_never_alike(staff: Caller) -> None:
    made = masters.create(staff, two_bowls(), now=NOON)

    def dress(red: str, blue: str) -> None:
        variants = [
            {"sku": "RED", "options": {"colour": red}},
            {"sku": "BLUE", "options": {"colour": blue}},
        ]
        masters.update(staff, made.public_id, {"variants": variants}, revision=None, now=NOON)

    dress("blue", "red")
    with pytest.raises(BadProduct) as alike:
        dress("red", "red")

    assert errors_of(alike) == {("/variants/0/options", "twice")}
    rows = sheets.sheet(staff, made.public_id)["variants"]
    assert [row["options"] for row in rows] == [{"colour": "blue"}, {"colour": "red"}]


def test_a_variant_is_renamed_by_its_id(staff: Caller) -> None:
    made = masters.create(staff, bowl(), now=NOON)
    variant = Variant.objects.get()

    masters.update(
        staff,
        made.public_id,
        {"variants": [{"id": variant.public_id, "sku": "DISH"}]},
        revision=1,
        now=NOON,
    )

    assert list(Variant.objects.values_list("pk", "sku")) == [(variant.pk, "DISH")]


def test_a_variant_that_was_ordered_stays(staff: Caller) -> None:
    made = masters.create(staff, two_bowls(), now=NOON)
    item = StockItem.objects.get(variant__sku="RED")
    StockReservation.objects.create(stock_item=item, holder="chk", quantity=1, expires_at=NOON)

    with pytest.raises(masters.StillUsed):
        masters.replace(staff, made.public_id, bowl(), revision=1, now=NOON)
    gone = {"variants": [{"sku": "BLUE", "remove": True}]}
    masters.update(staff, made.public_id, gone, revision=1, now=NOON)

    assert [variant.sku for variant in Variant.objects.all()] == ["RED"]


def test_the_last_variant_stays(staff: Caller) -> None:
    made = masters.create(staff, bowl(), now=NOON)

    gone = {"variants": [{"sku": "BOWL", "remove": True}]}

    with pytest.raises(BadProduct):
        masters.update(staff, made.public_id, gone, revision=1, now=NOON)

    assert Variant.objects.exists()


def test_deleting_twice_is_once_and_restoring_brings_it_back(staff: Caller) -> None:
    made = masters.create(staff, bowl(), now=NOON)

    deleted = masters.delete(staff, made.public_id, revision=1, now=NOON)
    again = masters.delete(staff, made.public_id, revision=1, now=NOON)
    with pytest.raises(masters.UnknownMaster):
        masters.update(staff, made.public_id, {"brand": "X"}, revision=2, now=NOON)
    assert not Master.objects.on_sale().exists()
    restored = masters.restore(staff, made.public_id, revision=2, now=NOON)

    assert (deleted.revision, again.revision, restored.revision) == (2, 2, 3)
    assert Master.objects.on_sale().exists()
    what = [row.what for row in trail.of(made.public_id)]
    assert what == ["product.restored", "product.deleted", "product.created"]


def test_a_deleted_product_gives_up_its_address_but_not_its_sku(staff: Caller) -> None:
    made = masters.create(staff, bowl(slug="bowl"), now=NOON)
    masters.delete(staff, made.public_id, revision=1, now=NOON)
    other = bowl(slug="bowl", variants=[{"sku": "OTHER", "prices": [price(1)]}])
    masters.create(staff, other, now=NOON)

    with pytest.raises(BadProduct) as refused:
        masters.create(staff, bowl(slug="third"), now=NOON)
    with pytest.raises(masters.TakenMeanwhile):
        masters.restore(staff, made.public_id, revision=2, now=NOON)

    assert errors_of(refused) == {("/variants/0/sku", "taken")}


def test_an_address_is_made_of_the_name_and_never_twice(staff: Caller) -> None:
    one = masters.create(staff, bowl(), now=NOON)
    two = masters.create(staff, bowl(variants=[{"sku": "TWO"}]), now=NOON)
    stars = {"en": {"name": "✨✨"}}
    three = masters.create(staff, bowl(translations=stars, variants=[{"sku": "3"}]), now=NOON)

    assert one.slug == "blue-bowl"
    assert two.slug == f"blue-bowl-{two.public_id[-4:]}"
    assert three.slug == three.public_id.replace("_", "-")


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"variants": []}, "/variants", "required"),
        ({"variants": [{"prices": []}]}, "/variants/0/sku", "required"),
        ({"variants": [{"sku": " A "}]}, "/variants/0/sku", "invalid"),
        ({"variants": [{"sku": "a/b"}]}, "/variants/0/sku", "invalid"),
        ({"variants": [{"sku": "A" * 65}]}, "/variants/0/sku", "invalid"),
        ({"variants": [{"sku": "A\x00"}]}, "/variants/0/sku", "invalid"),
        ({"variants": [{"sku": "\u200f"}]}, "/variants/0/sku", "invalid"),
        ({"variants": [{"sku": "A"}, {"sku": "a"}]}, "/variants/1/sku", "twice"),
        (
            {"variants": [{"sku": "A", "prices": [price(-1)]}]},
            "/variants/0/prices/0/price/amount",
            "out_of_range",
        ),
        (
            {"variants": [{"sku": "A", "prices": [price(2**70)]}]},
            "/variants/0/prices/0/price/amount",
            "out_of_range",
        ),
        (
            {"variants": [{"sku": "A", "prices": [price(1, "XXX")]}]},
            "/variants/0/prices/0/price/currency",
            "unknown_currency",
        ),
        (
            {"variants": [{"sku": "A", "prices": [price(1, "eur")]}]},
            "/variants/0/prices/0/price/currency",
            "unknown_currency",
        ),
        (
            {"variants": [{"sku": "A", "prices": [price(2, list_price=price(1)["price"])]}]},
            "/variants/0/prices/0/list_price/amount",
            "below_price",
        ),
        (
            {"variants": [{"sku": "A", "prices": [price(2, list_price=price(3, "USD")["price"])]}]},
            "/variants/0/prices/0/list_price/currency",
            "invalid",
        ),
        (
            {"variants": [{"sku": "A", "prices": [price(2, valid_from=NOON, valid_to=NOON)]}]},
            "/variants/0/prices/0/valid_to",
            "ends_before_start",
        ),
        ({"variants": [{"sku": "A", "on_hand": 2**70}]}, "/variants/0/on_hand", "out_of_range"),
        ({"variants": [{"sku": "A", "on_hand": -1}]}, "/variants/0/on_hand", "out_of_range"),
        ({"variants": [{"sku": "A", "gtin": "12x"}]}, "/variants/0/gtin", "invalid"),
        (
            {"variants": [{"sku": "A", "options": {"no": "such"}}]},
            "/variants/0/options",
            "unknown_option",
        ),
        ({"translations": {"en": {"name": "\u202e\u200f "}}}, "/translations/en/name", "required"),
        (
            {"translations": {"en": {"name": "😀\u202e" * 250}}},
            "/translations/en/name",
            "max_length",
        ),
        ({"translations": {"en": {"name": "a\x00b"}}}, "/translations/en/name", "invalid"),
        ({"translations": {"en": {"name": "a\ud800"}}}, "/translations/en/name", "invalid"),
        ({"translations": {"xx": {"name": "a"}}}, "/translations/xx", "unknown_language"),
        ({"translations": {"de": {"name": "Schale"}}}, "/translations", "required"),
        ({"category": "no-such"}, "/category", "unknown_category"),
        ({"category": "clay\x00"}, "/category", "unknown_category"),
        ({"kind": "animal"}, "/kind", "invalid_choice"),
        ({"slug": "no spaces!"}, "/slug", "invalid"),
        ({"tags": ["x" * 41]}, "/tags/0", "max_length"),
        ({"tags": ["x"] * 51}, "/tags", "too_many"),
        ({"attributes": {"a": "\x00"}}, "/attributes/a", "invalid"),
        ({"options": [{"code": "a b"}]}, "/options/0/code", "invalid"),
        ({"options": [{"code": "a"}, {"code": "a"}]}, "/options/0/code", "twice"),
        ({"default_sku": "NONE"}, "/default_sku", "unknown_sku"),
    ],
)
def test_bad_input_is_said_beside_its_field_and_nothing_is_made(
    staff: Caller, changes: dict[str, Any], pointer: str, code: str
) -> None:
    with pytest.raises(BadProduct) as refused:
        masters.create(staff, bowl(**changes), now=NOON)

    assert (pointer, code) in errors_of(refused)
    assert all(error["detail"] for error in refused.value.errors)
    assert not Master.objects.exists()
    assert not Event.objects.exists()


def test_only_staff_with_the_right_write(staff: Caller) -> None:
    made = masters.create(staff, bowl(), now=NOON)
    helper = caller_for_user(
        User.objects.create_user("helper@museo.example", is_staff=True), locale="en"
    )
    for caller, refusal in ((Caller(), NotSignedIn), (helper, NotAllowed)):
        with pytest.raises(refusal):
            masters.create(caller, bowl(), now=NOON)
        with pytest.raises(refusal):
            masters.update(caller, made.public_id, {"brand": "X"}, revision=1, now=NOON)
        with pytest.raises(refusal):
            masters.delete(caller, made.public_id, revision=1, now=NOON)
        with pytest.raises(refusal):
            sheets.sheet(caller, made.public_id)

    assert Master.objects.get().revision == 1


def test_stock_that_is_there_is_counted_elsewhere(staff: Caller) -> None:
    made = masters.create(staff, bowl(), now=NOON)

    counted = {"variants": [{"sku": "BOWL", "on_hand": 3}]}

    with pytest.raises(BadProduct) as refused:
        masters.update(staff, made.public_id, counted, revision=1, now=NOON)

    assert errors_of(refused) == {("/variants/0/on_hand", "counted_elsewhere")}
    assert StockItem.objects.get().on_hand == 7


def test_a_list_of_sheets_costs_the_same_for_one_and_for_many(
    staff: Caller, django_assert_max_num_queries: Any
) -> None:
    masters.create(staff, two_bowls(), now=NOON)
    with django_assert_max_num_queries(13) as one:
        sheets.listing(staff)
    for index in range(5):
        masters.create(staff, bowl(variants=[{"sku": f"S{index}", "prices": [price(1)]}]), now=NOON)
    with django_assert_max_num_queries(len(one.captured_queries)):
        page = sheets.listing(staff, limit=4)
    with django_assert_max_num_queries(len(one.captured_queries)):
        rest = sheets.listing(staff, limit=4, cursor=page.next_cursor)

    assert [len(page.results), len(rest.results), rest.next_cursor] == [4, 2, ""]
    assert Price.objects.count() == 7
