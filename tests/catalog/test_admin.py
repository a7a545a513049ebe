"""Staff manage products in the admin."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin import site
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from catalog import prices, shop, stock
from catalog.admin import MasterAdmin
from catalog.demo import house
from catalog.demo.fill import fill
from catalog.models import (
    Category,
    Master,
    OptionValue,
    Price,
    ProductOption,
    ShopSettings,
    StockItem,
    StockMovement,
    StockReservation,
    Variant,
)
from catalog.products import detail
from museo.access.models import User
from orders.models import DeliveryOption

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("staff@museo.example"))
    return client


@pytest.fixture
def room() -> Category:
    node: Category = Category.objects.add_root(instance=Category(slug="clay", name="Clay"))
    return node


def product_form(room: Category, **changes: Any) -> dict[str, Any]:
    """The fields of a new product with one variant."""
    return {
        "name": "Blue bowl",
        "subtitle": "Porcelain",
        "description": "A bowl.",
        "slug": "blue-bowl",
        "status": "active",
        "kind": "physical",
        "primary_category": room.pk,
        "brand": "",
        "attributes": "{}",
        "tags": "[]",
        "revision": "1",
        "variants-TOTAL_FORMS": "1",
        "variants-INITIAL_FORMS": "0",
        "variants-0-sku": "BOWL",
        "variants-0-position": "0",
        "variants-0-is_active": "on",
        "variants-0-track_stock": "on",
        "variants-0-price": "84.05",
        "variants-0-list_price": "",
        "variants-0-on_hand": "7",
        "options-TOTAL_FORMS": "0",
        "modifier_groups-TOTAL_FORMS": "0",
        "modifier_groups-INITIAL_FORMS": "0",
        "options-INITIAL_FORMS": "0",
        "media-TOTAL_FORMS": "0",
        "media-INITIAL_FORMS": "0",
        **changes,
    }


def change_form(master: Master, **changes: Any) -> dict[str, Any]:
    variant = master.variants.order_by("pk")[0]
    return product_form(
        master.primary_category,
        **{
            "revision": str(master.revision),
            "variants-INITIAL_FORMS": "1",
            "variants-0-id": str(variant.pk),
            "variants-0-master": str(master.pk),
            **changes,
        },
    )


def add(staff: Client, room: Category, **changes: Any) -> Any:
    return staff.post("/admin/catalog/master/add/", product_form(room, **changes))


def errors_of(response: Any) -> str:
    assert response.status_code == 200
    return str(response.content.decode())


NOT_CARRIED = "No way of delivery takes what is of this kind: Physical."


@pytest.mark.both
@pytest.mark.parametrize("status", ["active", "draft"])
def test_staff_hear_that_nobody_can_buy_what_no_way_of_delivery_takes(
    staff: Client, room: Category, status: str
) -> None:
    add(staff, room)
    assert NOT_CARRIED not in staff.get("/admin/catalog/master/").content.decode()
    master = Master.objects.get()
    DeliveryOption.objects.update(kinds=["digital", "food"])

    page = f"/admin/catalog/master/{master.pk}/change/"
    saved = staff.post(page, change_form(master, status=status), follow=True)

    assert (NOT_CARRIED in saved.content.decode()) == (status == "active")
    act = {"action": "restore", "_selected_action": [str(master.pk)]}
    Master.objects.update(deleted_at=timezone.now())
    restored = staff.post("/admin/catalog/master/?deleted=yes", act, follow=True)
    assert Master.objects.get().deleted_at is None
    assert "is back." in restored.content.decode()
    assert (NOT_CARRIED in restored.content.decode()) == (status == "active")


def test_a_product_is_made_with_its_variant_price_and_stock(staff: Client, room: Category) -> None:
    response = add(staff, room)

    assert response.status_code == 302, errors_of(response)
    variant = Variant.objects.get(sku="BOWL")
    assert variant.master.slug == "blue-bowl"
    assert variant.master.published_at is not None
    assert Price.objects.get(variant=variant).amount == 8405
    assert StockItem.objects.get(variant=variant).on_hand == 7
    assert StockMovement.objects.get().delta == 7


def test_a_count_moves_the_stock_and_says_who_counted(staff: Client, room: Category) -> None:
    add(staff, room)
    master = Master.objects.get()

    response = staff.post(
        f"/admin/catalog/master/{master.pk}/change/",
        change_form(master, **{"variants-0-on_hand": "5"}),
    )

    assert response.status_code == 302, errors_of(response)
    assert StockItem.objects.get().on_hand == 5
    moved = StockMovement.objects.latest("pk")
    who = f"user:{User.objects.get().pk}"
    assert (moved.delta, moved.kind, moved.reference) == (-2, "adjust", who)
    assert Master.objects.get().revision == 2


def test_a_sale_while_the_page_is_open_is_not_undone(staff: Client, room: Category) -> None:
    add(staff, room)
    master = Master.objects.get()
    address = f"/admin/catalog/master/{master.pk}/change/"
    assert 'name="initial-variants-0-on_hand"' in staff.get(address).content.decode()
    StockItem.objects.update(on_hand=6)

    response = staff.post(
        address, change_form(master, **{"brand": "New", "initial-variants-0-on_hand": "7"})
    )

    assert response.status_code == 302, errors_of(response)
    assert StockItem.objects.get().on_hand == 6
    assert StockMovement.objects.count() == 1
    assert Master.objects.get().brand == "New"

    master.refresh_from_db()
    typed = {"variants-0-on_hand": "10", "initial-variants-0-on_hand": "7"}
    response = staff.post(address, change_form(master, **typed))

    # three came, one was sold while the page showed seven
    assert response.status_code == 302, errors_of(response)
    assert StockItem.objects.get().on_hand == 9
    assert StockMovement.objects.latest("pk").delta == 3


def test_a_price_is_changed_where_it_is_valid_now(staff: Client, room: Category) -> None:
    add(staff, room)
    master, variant = Master.objects.get(), Variant.objects.get()
    offer = Price.objects.create(
        variant=variant, amount=7000, valid_from=timezone.now() - timedelta(days=1)
    )

    response = staff.post(
        f"/admin/catalog/master/{master.pk}/change/",
        change_form(master, **{"variants-0-price": "65.00"}),
    )

    assert response.status_code == 302, errors_of(response)
    offer.refresh_from_db()
    assert offer.amount == 7000
    assert offer.valid_to is not None
    assert sorted(Price.objects.values_list("amount", flat=True)) == [6500, 7000, 8405]
    assert detail("blue-bowl", locale="en", now=timezone.now())["price"]["amount"] == 6500


def test_staff_plan_a_price_for_a_weekend(staff: Client, room: Category) -> None:
    add(staff, room)
    master, variant = Master.objects.get(), Variant.objects.get()
    page = f"/admin/catalog/master/{master.pk}/plan_prices/"
    assert page in staff.get(f"/admin/catalog/master/{master.pk}/change/").content.decode()
    typed = {
        "variant": str(variant.pk),
        "price": "70,50",
        "list_price": "84.05",
        "valid_from_0": "2099-01-03",
        "valid_from_1": "00:00:00",
        "valid_to_0": "2099-01-05",
        "valid_to_1": "00:00:00",
    }
    for wrong, said in (
        ({"price": "-1"}, "greater than or equal to 0"),
        ({"list_price": "10"}, "cannot be lower than the price"),
        ({"valid_to_0": "2099-01-02"}, "ends after its beginning"),
        ({"variant": "0"}, "Select a valid choice"),
        ({"valid_from_0": "2020-01-03", "valid_to_0": "2020-01-05"}, "That is over already."),
    ):
        assert said in errors_of(staff.post(page, {**typed, **wrong})), wrong

    made = staff.post(page, typed, follow=True)

    assert "€70.50" in errors_of(made)
    # no day that could be a month
    for text in ("Jan. 3, 2099", "Jan. 5, 2099", "Saved."):
        assert text in errors_of(made)
    weekend = datetime(2099, 1, 4, tzinfo=UTC)
    amounts = [
        prices.current([variant.pk], currency="EUR", now=at)[variant.pk].amount
        for at in (timezone.now(), weekend, weekend + timedelta(days=2))
    ]
    assert amounts == [8405, 7050, 8405]
    assert staff.get("/admin/catalog/master/999999/plan_prices/").status_code == 404


def test_a_draft_is_published_when_it_becomes_active(staff: Client, room: Category) -> None:
    add(staff, room, status="draft")
    master = Master.objects.get()
    assert master.published_at is None

    staff.post(f"/admin/catalog/master/{master.pk}/change/", change_form(master))

    assert Master.objects.get().published_at is not None


def test_staff_make_options_and_their_values(staff: Client, room: Category) -> None:
    add(staff, room)
    master = Master.objects.get()

    options = {
        "options-TOTAL_FORMS": "1",
        "options-0-name": "Colour",
        "options-0-code": "colour",
        "options-0-position": "0",
    }
    made = staff.post(f"/admin/catalog/master/{master.pk}/change/", change_form(master, **options))
    assert made.status_code == 302, errors_of(made)
    option = ProductOption.objects.get()
    valued = staff.post(option_page(option), values_form(option, "Red", "Deep blue"))

    assert valued.status_code == 302, errors_of(valued)
    assert valued["Location"] == f"/admin/catalog/master/{master.pk}/change/"
    assert list(option.values.order_by("position").values_list("code", "label")) == [
        ("red", "Red"),
        ("deep-blue", "Deep blue"),
    ]


def test_a_value_that_a_variant_has_cannot_be_removed(staff: Client, room: Category) -> None:
    add(staff, room)
    option = ProductOption.objects.create(master=Master.objects.get(), code="c", name="Colour")
    red = OptionValue.objects.create(option=option, code="red", label="Red")
    Variant.objects.get().option_values.add(red)
    form = values_form(option, "Red", "Blue") | {
        "values-INITIAL_FORMS": "1",
        "values-0-id": str(red.pk),
        "values-0-DELETE": "on",
    }

    response = staff.post(option_page(option), form)

    assert "Red: variants have it." in errors_of(response)
    assert OptionValue.objects.get() == red


def option_page(option: ProductOption) -> str:
    return f"/admin/catalog/productoption/{option.pk}/change/"


def values_form(option: ProductOption, *labels: str) -> dict[str, str]:
    form = {
        "name": option.name,
        "code": option.code,
        "position": "0",
        "values-TOTAL_FORMS": str(len(labels)),
        "values-INITIAL_FORMS": "0",
    }
    for index, label in enumerate(labels):
        form |= {
            f"values-{index}-option": str(option.pk),
            f"values-{index}-label": label,
            f"values-{index}-code": label.lower().replace(" ", "-"),
            f"values-{index}-position": str(index),
        }
    return form


def test_staff_hang_a_category_below_another(staff: Client, room: Category) -> None:
    fields = {"slug": "bowls", "name": "Bowls", "room": "clay", "is_active": "on"}

    below = staff.post("/admin/catalog/category/add/", {**fields, "parent": str(room.pk)})
    alone = staff.post("/admin/catalog/category/add/", {**fields, "slug": "glass"})

    assert (below.status_code, alone.status_code) == (302, 302), errors_of(below)
    tree = {node.slug: Category.objects.get_parent(node) for node in Category.objects.all()}
    assert tree == {"clay": None, "bowls": room, "glass": None}
    assert str(Category.objects.get(slug="bowls")) == "Bowls"
    renamed = staff.post(
        f"/admin/catalog/category/{room.pk}/change/", {**fields, "slug": "clay", "name": "Pots"}
    )
    assert renamed.status_code == 302, errors_of(renamed)
    assert str(Category.objects.get(slug="clay")) == "Pots"


def test_variants_may_exchange_their_options_but_not_be_alike(
    staff: Client, room: Category
) -> None:
    add(staff, room)
    master = Master.objects.get()
    colour = ProductOption.objects.create(master=master, code="colour", name="Colour")
    red, blue = (
        OptionValue.objects.create(option=colour, code=code, label=code) for code in ("red", "blue")
    )
    save_two(staff, master, red, blue)
    assert keys() == {"BOWL": str(red.pk), "BOWL2": str(blue.pk)}

    save_two(staff, master, blue, red)
    alike = save_two(staff, master, red, red)

    assert "Another variant has the same options" in errors_of(alike)
    assert keys() == {"BOWL": str(blue.pk), "BOWL2": str(red.pk)}


def save_two(staff: Client, master: Master, *options: OptionValue) -> Any:
    """Save the bowl and a second variant, each with an option; the second is made if missing."""
    master.refresh_from_db()
    rows = list(master.variants.order_by("pk"))
    form = product_form(
        master.primary_category,
        **{
            "revision": str(master.revision),
            "variants-TOTAL_FORMS": "2",
            "variants-INITIAL_FORMS": str(len(rows)),
        },
    )
    second = {key: form[key] for key in form if key.startswith("variants-0-")}
    form |= {key.replace("-0-", "-1-"): value for key, value in second.items()}
    form["variants-1-sku"] = "BOWL2"
    for index, option in enumerate(options):
        form[f"variants-{index}-option_values"] = str(option.pk)
        form[f"variants-{index}-master"] = str(master.pk)
    for index, variant in enumerate(rows):
        form[f"variants-{index}-id"] = str(variant.pk)
    return staff.post(f"/admin/catalog/master/{master.pk}/change/", form)


def keys() -> dict[str, str]:
    return dict(Variant.objects.values_list("sku", "option_key"))


def test_a_variant_that_was_ordered_cannot_be_removed(staff: Client, room: Category) -> None:
    add(staff, room)
    master = Master.objects.get()
    item = StockItem.objects.get()
    StockReservation.objects.create(stock_item=item, holder="chk_1", quantity=1, expires_at=NOON)
    colour = ProductOption.objects.create(master=master, code="colour", name="Colour")
    save_two(staff, master, *(colour.values.create(code=c, label=c) for c in ("red", "blue")))
    master.refresh_from_db()

    response = staff.post(
        f"/admin/catalog/master/{master.pk}/change/",
        change_form(
            master,
            **{
                "variants-INITIAL_FORMS": "2",
                "variants-TOTAL_FORMS": "2",
                "variants-0-id": str(item.variant_id),
                "variants-0-DELETE": "on",
                "variants-1-id": str(Variant.objects.get(sku="BOWL2").pk),
                "variants-1-master": str(master.pk),
                "variants-1-sku": "BOWL2",
                "variants-1-position": "1",
                "variants-1-price": "1.00",
                "variants-1-on_hand": "7",
            },
        ),
    )

    assert "BOWL was ordered and cannot be removed" in errors_of(response)
    assert Variant.objects.filter(sku="BOWL").exists()


def test_nobody_writes_codes_or_json(staff: Client, room: Category) -> None:
    typed = {
        "slug": "",
        "attributes": "Material: Stoneware\nMade in: Turku",
        "facts": "de: Material: Steinzeug",
        "tags": "new, gift",
        "options-TOTAL_FORMS": "1",
        "options-0-name": "Size of it",
        "options-0-names": "de: Größe",
        "options-0-position": "0",
    }

    made = add(staff, room, **typed)

    assert made.status_code == 302, errors_of(made)
    master, option = Master.objects.get(), ProductOption.objects.get()
    assert (master.slug, master.tags) == ("blue-bowl", ["new", "gift"])
    assert master.attributes == {"Material": "Stoneware", "Made in": "Turku"}
    assert master.facts == {"de": {"Material": "Steinzeug"}}
    assert (option.code, option.names) == ("size-of-it", {"de": "Größe"})
    page = staff.get(f"/admin/catalog/master/{master.pk}/change/").content.decode()
    # in the order in which the database keeps them
    assert "Material: Stoneware" in page
    assert "Made in: Turku" in page
    assert f'href="{option_page(option)}"' in page
    same = values_form(option, "Small", "Small") | {"values-0-code": "", "values-1-code": ""}
    assert "correct the duplicate" in errors_of(staff.post(option_page(option), same))
    valued = staff.post(option_page(option), {**same, "values-1-label": "صغير"})
    assert valued.status_code == 302, errors_of(valued)
    small, arabic = option.values.order_by("position")
    assert small.code == "small"
    assert arabic.code.isalnum()


def test_a_category_needs_no_address_of_its_own(staff: Client, room: Category) -> None:
    fields = {"slug": "", "name": "Bowls & cups", "room": "clay", "is_active": "on"}

    for _ in range(2):
        made = staff.post("/admin/catalog/category/add/", fields)
        assert made.status_code == 302, errors_of(made)

    slugs = set(Category.objects.values_list("slug", flat=True)) - {room.slug}
    assert "bowls-cups" in slugs
    assert len(slugs) == 2
    kept = Category.objects.get(slug="bowls-cups")
    staff.post(f"/admin/catalog/category/{kept.pk}/change/", {**fields, "name": "Cups"})
    kept.refresh_from_db()
    assert kept.slug == "bowls-cups"


@pytest.mark.parametrize(("typed", "kept"), [("", {}), ("null", {}), ('{"a": "b"}', {"a": "b"})])
def test_an_emptied_box_of_facts_is_no_facts(
    staff: Client, room: Category, typed: str, kept: dict[str, str]
) -> None:
    response = add(staff, room, attributes=typed, tags="")

    assert response.status_code == 302, errors_of(response)
    assert (Master.objects.get().attributes, Master.objects.get().tags) == (kept, [])


def test_what_is_promised_cannot_be_counted_away(staff: Client, room: Category) -> None:
    add(staff, room)
    master = Master.objects.get()
    StockItem.objects.update(reserved=6)

    response = staff.post(
        f"/admin/catalog/master/{master.pk}/change/",
        change_form(master, **{"variants-0-on_hand": "5", "brand": "Kept"}),
    )

    page = errors_of(response)
    assert "BOWL: 7 in stock, 6 of them promised to checkouts." in page
    assert 'value="Kept"' in page
    assert StockItem.objects.get().on_hand == 7
    assert Master.objects.get().revision == 1


def test_a_promise_made_at_the_last_moment_is_kept(room: Category) -> None:
    variant = Variant.objects.create(
        master=Master.objects.create(slug="bowl", primary_category=room), sku="BOWL"
    )
    StockItem.objects.create(variant=variant, on_hand=7, reserved=6)

    with pytest.raises(stock.StillPromised):
        stock.take_stock([stock.Count("BOWL", delta=-2)], by="user:1", at=NOON)

    assert StockItem.objects.get().on_hand == 7
    assert not StockMovement.objects.exists()


def test_the_second_of_two_editors_is_told_and_overwrites_nothing(
    staff: Client, room: Category
) -> None:
    add(staff, room)
    master = Master.objects.get()
    address = f"/admin/catalog/master/{master.pk}/change/"
    staff.post(address, change_form(master, brand="First"))

    response = staff.post(address, change_form(master, brand="Second"))

    assert "Somebody else has saved this product meanwhile" in errors_of(response)
    assert Master.objects.get().brand == "First"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"variants-0-price": "84.005"}, "2 decimal places"),
        ({"variants-0-price": "-1"}, "greater than or equal to 0"),
        ({"variants-0-price": "much"}, "Enter a number"),
        ({"variants-0-list_price": "10.00"}, "cannot be lower than the price"),
        ({"variants-0-on_hand": "-3"}, "greater than or equal to 0"),
        ({"variants-0-sku": ""}, "This field is required"),
        ({"attributes": "{"}, "Enter a valid JSON"),
        ({"attributes": "[1]"}, "One on each line: Material: Stoneware<"),
        ({"attributes": "Stoneware"}, "One on each line: Material: Stoneware<"),
        ({"facts": "de: Steinzeug"}, "after its language: de: Material: Steinzeug<"),
        ({"facts": '{"de": "Steinzeug"}'}, "after its language: de: Material: Steinzeug<"),
        ({"tags": '{"new": "gift"}'}, "Words with commas between them: new, gift<"),
        ({"variants-TOTAL_FORMS": "0"}, "A product has at least one variant"),
        ({"slug": "no spaces!"}, "Enter a valid"),
        ({"primary_category": "999999"}, "Select a valid choice"),
    ],
)
def test_bad_input_is_said_beside_its_field_and_nothing_is_made(
    staff: Client, room: Category, changes: dict[str, str], said: str
) -> None:
    response = add(staff, room, **changes)

    assert said in errors_of(response)
    assert not Master.objects.exists()


def test_a_sku_or_an_address_that_is_taken_is_said(staff: Client, room: Category) -> None:
    add(staff, room)

    same_sku = add(staff, room, slug="other")
    same_slug = add(staff, room, **{"variants-0-sku": "OTHER"})

    assert "already exists" in errors_of(same_sku)
    assert "Another product has this address" in errors_of(same_slug)
    assert Master.objects.count() == 1


def test_deleting_keeps_the_row_and_restoring_brings_it_back(staff: Client, room: Category) -> None:
    add(staff, room)
    master = Master.objects.get()

    staff.post(f"/admin/catalog/master/{master.pk}/delete/", {"post": "yes"})
    assert Master.objects.get().deleted_at is not None
    assert not Master.objects.on_sale().exists()

    staff.post(
        "/admin/catalog/master/?deleted=yes",
        {"action": "restore", "_selected_action": [str(master.pk)]},
    )
    assert Master.objects.get().deleted_at is None


def test_the_list_costs_the_same_queries_for_one_and_for_twenty_four(
    staff: Client,
    room: Category,
    settings: Any,
    tmp_path: Any,
    django_assert_max_num_queries: Any,
) -> None:
    settings.MEDIA_ROOT = tmp_path
    add(staff, room)
    with django_assert_max_num_queries(16) as one:
        assert staff.get("/admin/catalog/master/").status_code == 200
    fill(now=NOON)
    with django_assert_max_num_queries(len(one.captured_queries)):
        page = staff.get("/admin/catalog/master/").content.decode()

    assert "Mint tea" in page
    assert [row.left for row in MasterAdmin(Master, site).get_queryset(HttpRequest())[:3]] == [
        150,
        80,
        72,
    ]
    assert "€3.50" in page


def test_shoppers_and_staff_without_permission_stay_out(client: Client, room: Category) -> None:
    assert client.get("/admin/catalog/master/").status_code == 302
    client.force_login(User.objects.create_user("helper@museo.example", is_staff=True))

    assert client.get("/admin/catalog/master/").status_code == 403
    assert add(client, room).status_code == 403
    assert not Master.objects.exists()


def test_staff_write_facts_and_options_in_another_language(staff: Client, room: Category) -> None:
    add(staff, room, attributes='{"Material": "Porcelain"}')
    master = Master.objects.get()
    option = ProductOption.objects.create(master=master, code="colour", name="Colour")
    blue = OptionValue.objects.create(option=option, code="blue", label="Blue")
    page = f"/admin/catalog/master/{master.pk}/change/"
    form = change_form(
        master,
        name="Blaue Schale",
        facts='{"de": {"Material": "Porzellan"}}',
        attributes='{"Material": "Porcelain"}',
        **{
            "variants-0-option_values": str(blue.pk),
            "options-TOTAL_FORMS": "1",
            "options-INITIAL_FORMS": "1",
            "options-0-id": str(option.pk),
            "options-0-master": str(master.pk),
            "options-0-name": "Colour",
            "options-0-code": "colour",
            "options-0-position": "0",
            "options-0-names": '{"de": "Farbe"}',
        },
    )

    response = staff.post(f"{page}?language=de", form)

    assert response.status_code == 302, errors_of(response)
    german, english = (
        detail("blue-bowl", locale=code, now=timezone.now()) for code in ("de", "en")
    )
    assert (german["name"], german["attributes"]) == ("Blaue Schale", {"Material": "Porzellan"})
    assert (english["name"], english["attributes"]) == ("Blue bowl", {"Material": "Porcelain"})
    assert [option["name"] for option in german["options"]] == ["Farbe"]


PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)
PAGE_OF_HTML = b"<!doctype html><script>alert(1)</script>"


def with_picture(name: str, held: bytes) -> dict[str, Any]:
    return {
        "media-TOTAL_FORMS": "1",
        "media-0-file": SimpleUploadedFile(name, held, "image/png"),
        "media-0-position": "0",
    }


def test_a_picture_is_named_by_what_it_is(staff: Client, room: Category) -> None:
    made = add(staff, room, **with_picture("bowl.php", PNG))

    assert made.status_code == 302, errors_of(made)
    kept = Master.objects.get().media.get().file.name
    assert re.fullmatch(r"catalog/bowl\w*\.png", kept)


@pytest.mark.parametrize("held", [PAGE_OF_HTML, b"no picture", PNG[1:]])
def test_what_is_no_picture_is_no_picture_of_a_product(
    staff: Client, room: Category, held: bytes
) -> None:
    answer = add(staff, room, **with_picture("bowl.png", held))

    assert "Choose a picture: PNG, JPEG, WebP or SVG." in errors_of(answer)
    assert not Master.objects.exists()


def test_words_in_a_language_that_nobody_speaks_here_are_refused(
    staff: Client, room: Category
) -> None:
    typed = with_picture("bowl.png", PNG)

    answer = add(staff, room, **typed, **{"media-0-alts": "xx: Schale"})

    assert "The shop speaks: en, de, fr, es, ar." in errors_of(answer)
    assert not Master.objects.exists()


@pytest.fixture
def german_shop() -> None:
    house.open_doors(now=NOON)
    ShopSettings.objects.update(languages=["de", "en"], default_language="de")
    shop.forget()


@pytest.mark.usefixtures("german_shop")
def test_names_are_asked_for_in_the_shops_language_first(staff: Client) -> None:
    staff.post("/admin/catalog/category/add/", {"name": "Küche", "slug": "kueche", "room": "clay"})
    kitchen = Category.objects.get()
    assert [each.language_code for each in kitchen.translations.all()] == ["de"]

    made = add(staff, kitchen, name="Blaue Schale")

    assert made.status_code == 302, errors_of(made)
    master = Master.objects.get()
    page = f"/admin/catalog/master/{master.pk}/change/"
    assert 'value="Blaue Schale"' in staff.get(page).content.decode()
    # a price can be changed without a word in any other language
    changed = staff.post(page, change_form(master, name="Schale", **{"variants-0-price": "90"}))
    assert changed.status_code == 302, errors_of(changed)
    assert [(each.language_code, each.name) for each in master.translations.all()] == [
        ("de", "Schale")
    ]
    english = staff.post(f"{page}?language=en", change_form(Master.objects.get(), name="Bowl"))
    assert english.status_code == 302
    assert master.translations.count() == 2
