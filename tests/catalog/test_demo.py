"""The demo shop."""

import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.db.models import CharField, Sum

from catalog import cards, products, variants
from catalog.compiled import Compiled, Slot
from catalog.demo import art, scale, words
from catalog.demo import fill as demo
from catalog.demo.fill import fill
from catalog.models import (
    Category,
    Master,
    Media,
    Modifier,
    ModifierGroup,
    Price,
    ProductOption,
    Question,
    Review,
    StockItem,
    StockMovement,
    Variant,
)

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def _media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.mark.django_db
@pytest.mark.usefixtures("_media")
def test_filling_twice_changes_nothing_and_keeps_what_was_sold(tmp_path: Path) -> None:
    assert fill(now=NOON) == 130
    sold = StockItem.objects.get(variant__sku="IPHONE-15-128-BLACK")
    StockItem.objects.filter(pk=sold.pk).update(on_hand=3)
    tables = (Category, Master, Media, Modifier, ModifierGroup, Price, StockItem, Variant)
    before = [table.objects.count() for table in tables]

    fill(now=datetime(2027, 1, 1, tzinfo=UTC))

    assert [table.objects.count() for table in tables] == before
    assert StockItem.objects.get(pk=sold.pk).on_hand == 3
    assert len(list((tmp_path / "catalog").iterdir())) == 130
    assert Master.objects.get(slug="iphone-15").published_at == NOON


@pytest.mark.django_db
@pytest.mark.usefixtures("_media")
def test_what_staff_changed_or_deleted_stays_theirs() -> None:
    fill(now=NOON)
    price = Price.objects.get(variant__sku="DAY-TICKET")
    later = {"valid_from": NOON, "amount": 1800, "variant": price.variant}
    Price.objects.create(**later)
    edited = Master.objects.get(slug="amphora-vase")
    edited.set_current_language("en")
    edited.name, edited.status, edited.revision = "Vase 1", Master.Status.DRAFT, 2
    edited.save()
    Master.objects.filter(slug="iphone-15").update(deleted_at=NOON)
    room = Category.objects.get(slug="cafe")
    room.set_current_language("en")
    room.name = "Kitchen"
    room.save()

    fill(now=NOON)

    assert Price.objects.filter(variant=price.variant).count() == 2
    kept = Master.objects.get(slug="amphora-vase")
    assert (kept.safe_translation_getter("name"), kept.status) == ("Vase 1", "draft")
    assert Master.objects.get(slug="iphone-15").deleted_at == NOON
    tree = products.categories(locale="en")
    assert tree[0]["name"] == "Kitchen"


@pytest.mark.django_db
@pytest.mark.usefixtures("_media")
def test_a_lost_or_outdated_picture_is_drawn_again(tmp_path: Path) -> None:
    fill(now=NOON)
    lost, outdated = (tmp_path / f"catalog/{slug}.svg" for slug in ("squash-soup", "day-ticket"))
    lost.unlink()
    outdated.write_text("<svg/>")

    fill(now=NOON)

    assert lost.read_text() == art.draw("soup", "squash-soup")
    assert outdated.read_text() == art.draw("ticket", "day-ticket")
    assert len(list((tmp_path / "catalog").iterdir())) == 130


@pytest.mark.django_db
@pytest.mark.usefixtures("_media")
def test_the_iphone_15_is_found_first_and_has_its_variants() -> None:
    fill(now=NOON)

    found = products.listing(locale="en", now=NOON, query="iPhone 15").results[0]
    detail = products.detail("iphone-15", locale="de", now=NOON)

    assert found["default_sku"] == "IPHONE-15-128-BLACK"
    assert len(detail["variants"]) == 15
    assert [len(option["values"]) for option in detail["options"]] == [3, 5]
    assert detail["subtitle"] == "Telefon, 6,1 Zoll"


@pytest.mark.django_db
@pytest.mark.usefixtures("_media")
def test_ten_dishes_have_something_to_choose() -> None:
    fill(now=NOON)

    coffee = products.detail("filter-coffee", locale="de", now=NOON)["modifiers"]

    assert [(group["code"], group["name"]) for group in coffee] == [
        ("size", "Größe"),
        ("milk", "Milch"),
    ]
    assert coffee[1]["choices"][1] == {
        "code": "oat-milk",
        "name": "Hafermilch",
        "price": {"amount": 50, "currency": "EUR"},
    }
    assert Master.objects.exclude(modifiers=None).distinct().count() == 10


@pytest.mark.django_db
@pytest.mark.usefixtures("_media")
def test_every_text_is_there_in_every_language() -> None:
    fill(now=NOON)

    for model in (ModifierGroup, Modifier):
        for names in model.objects.values_list("names", flat=True):
            assert names.keys() == set(words.LANGUAGES[1:])

    for master in Master.objects.prefetch_related("translations"):
        texts = {text.language_code: text for text in master.translations.all()}
        assert set(texts) == set(words.LANGUAGES)
        assert all(text.name and text.subtitle and text.description for text in texts.values())


def test_the_shop_has_what_it_promises_in_each_department() -> None:
    rows = demo.products()

    kinds = Counter(row.get("kind", "physical") for row in rows)
    assert kinds == {"physical": 70, "food": 48, "ticket": 8, "digital": 4}
    cuisines = {row["category"] for row in rows if row.get("kind") == "food"}
    assert len(cuisines - {"sweets-and-drinks"}) == 8
    assert all(row["prep_seconds"] > 0 for row in rows if row.get("kind") == "food")
    assert sum(row["stock"] == 0 for row in rows) >= 4
    assert sum("list_price" in row for row in rows) >= 4
    assert Counter(row.get("tax_class", "") for row in rows) == {"": 119, "books": 7, "exempt": 4}
    assert rows[0]["slug"] == "iphone-15"


def test_every_fact_and_option_has_a_name_in_every_language() -> None:
    rows = demo.products()
    names = {name for row in rows for name in row["attributes"]}
    names |= {option[0] for row in rows for option in row.get("options", {}).values()}
    facts = {fact for row in rows for fact in row["attributes"].values()}
    facts |= {
        label for row in rows for option in row.get("options", {}).values() for label in option[1:]
    }

    # names of people and firms, sizes and codes are the same everywhere
    same = {"Studio Halla", "Tuuli & Co", "Halla Toys", "USB-C", "S", "M", "L", "XL"}

    assert words.unknown(names) == set()
    assert {fact for fact in words.unknown(facts) if not fact.isdecimal()} <= same


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de", {"Gewicht": "1,1 kg", "Allergene": "Gluten, Milch", "Größe": "31,5 cm"}),
        ("ar", {"الوزن": "1.1 كغ", "مسببات الحساسية": "غلوتين، حليب", "المقاس": "31.5 سم"}),
    ],
)
def test_facts_are_said_as_the_language_says_them(language: str, said: dict[str, str]) -> None:
    written = {"Weight": "1.1 kg", "Allergens": "gluten, milk", "Size": "31.5 cm"}

    assert words.facts(written)[language] == said


@pytest.mark.django_db
@pytest.mark.usefixtures("_media")
def test_options_and_facts_are_shown_in_the_language_that_is_asked_for() -> None:
    fill(now=NOON)

    phone = products.detail("iphone-15", locale="ar", now=NOON)
    spanish = products.detail("IPHONE-15-256-BLUE", locale="es", now=NOON)
    sold = Variant.objects.get(sku="IPHONE-15-256-BLUE")

    assert phone["attributes"]["الشاشة"] == "6.1 بوصة"
    assert [option["name"] for option in phone["options"]] == ["سعة التخزين", "اللون"]
    assert phone["variants"][0]["options"] == {"storage": "128 غيغابايت", "colour": "أسود"}
    assert spanish["options"][1]["values"][1] == {"code": "blue", "label": "Azul"}
    in_german = cards.slots(locale="de", now=NOON)
    (described,) = variants.describe(PRICES.rows(sku=sold.sku, **in_german), locale="de")
    assert described.name == "iPhone 15, 256 GB, Blau"


PRICES = Compiled(
    lambda: Price.objects.filter(variant__sku=Slot("sku", CharField())).values(
        "variant_id", **variants.columns("variant")
    )
)


@pytest.mark.django_db
@pytest.mark.usefixtures("_media")
def test_an_older_demo_learns_the_languages_that_it_lacks() -> None:
    fill(now=NOON)
    for model in (Master, Category):
        texts = model._parler_meta.root_model
        texts.objects.exclude(language_code="en").delete()
    option = ProductOption.objects.get(master__slug="iphone-15", code="colour")
    ProductOption.objects.filter(pk=option.pk).update(names={})

    fill(now=NOON)

    assert products.detail("iphone-15", locale="es", now=NOON)["options"][1]["name"] == "Color"
    assert products.categories(locale="ar")[0]["name"] == "المقهى"


@pytest.mark.django_db
@pytest.mark.usefixtures("_media")
def test_filling_takes_the_same_queries_whatever_is_there(
    django_assert_max_num_queries: Any,
) -> None:
    fill(now=NOON)

    with django_assert_max_num_queries(31):
        fill(now=NOON)


@pytest.mark.django_db
@pytest.mark.usefixtures("_media")
def test_shoppers_have_said_what_they_think_once_and_staff_have_the_last_word() -> None:
    fill(now=NOON)
    Review.objects.filter(signed="Jonas W.").update(state="refused")
    Master.objects.filter(slug="iphone-15").update(rating_sum=5, rating_count=1)

    fill(now=NOON)

    phone = products.detail("iphone-15", locale="en", now=NOON)
    assert phone["rating"] == {"average": 5.0, "count": 1}
    assert [review["signed"] for review in phone["reviews"]] == ["Ines"]
    assert [asked["locale"] for asked in phone["questions"]] == ["de", "en"]
    assert Review.objects.filter(state="waiting").count() == 1
    assert Question.objects.filter(state="waiting").count() == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("_media")
def test_stock_of_the_demo_is_what_its_movements_add_up_to() -> None:
    fill(now=NOON)
    scale.grow(20, now=NOON)

    moved = StockMovement.objects.values_list("stock_item").annotate(Sum("delta"))
    assert dict(moved) == dict(StockItem.objects.exclude(on_hand=0).values_list("pk", "on_hand"))


@pytest.mark.django_db
@pytest.mark.usefixtures("_media")
def test_products_for_load_tests_are_the_same_every_time_and_come_once() -> None:
    fill(now=NOON)

    assert scale.grow(3, now=NOON) == 3
    assert scale.grow(5, now=NOON) == 2
    assert scale.grow(4, now=NOON) == 0

    shown = [products.detail(f"load-000000{n}", locale="en", now=NOON) for n in (1, 4)]
    assert [(one["name"], one["price"]["amount"]) for one in shown] == [
        ("Folding linen notebook 1", 2610),
        ("Painted paper lamp 4", 14970),
    ]


def test_the_pictures_are_light_on_the_whole() -> None:
    sizes = [len(art.draw(row["art"], row["slug"])) for row in demo.products()]

    assert sum(sizes) / len(sizes) <= 2500


@pytest.mark.parametrize("kind", art.DRAWERS)
def test_a_drawing_is_small_well_formed_and_always_the_same(kind: str) -> None:
    drawn = art.draw(kind, "SKU")

    assert drawn == art.draw(kind, "SKU")
    assert len(drawn) < 4500
    ElementTree.fromstring(drawn)  # noqa: S314  # drawn by ourselves
    ids = re.findall(r'id="(\w+)"', drawn)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#(\w+)\)", drawn)) <= set(ids)
