"""The demo shop."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from catalog import products
from catalog.demo import art
from catalog.demo.fill import fill
from catalog.models import Category, Master, Media, Price, StockItem, Variant

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def _media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.mark.django_db
@pytest.mark.usefixtures("_media")
def test_filling_twice_changes_nothing_and_keeps_what_was_sold(tmp_path: Path) -> None:
    assert fill(now=NOON) == 24
    sold = StockItem.objects.get(variant__sku="IPHONE-15-128-BLACK")
    StockItem.objects.filter(pk=sold.pk).update(on_hand=3)
    tables = (Category, Master, Media, Price, StockItem, Variant)
    before = [table.objects.count() for table in tables]

    fill(now=datetime(2027, 1, 1, tzinfo=UTC))

    assert [table.objects.count() for table in tables] == before
    assert StockItem.objects.get(pk=sold.pk).on_hand == 3
    assert len(list((tmp_path / "catalog").iterdir())) == 24
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
    assert len(list((tmp_path / "catalog").iterdir())) == 24


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
def test_every_text_is_there_in_every_language() -> None:
    fill(now=NOON)

    for master in Master.objects.prefetch_related("translations"):
        texts = {text.language_code: text for text in master.translations.all()}
        assert set(texts) == {"en", "de", "fr"}
        assert all(text.name and text.subtitle and text.description for text in texts.values())


@pytest.mark.parametrize("kind", art.DRAWERS)
def test_a_drawing_is_small_well_formed_and_always_the_same(kind: str) -> None:
    drawn = art.draw(kind, "SKU")

    assert drawn == art.draw(kind, "SKU")
    assert len(drawn) < 3000
    ElementTree.fromstring(drawn)  # noqa: S314  # drawn by ourselves
    ids = re.findall(r'id="(\w+)"', drawn)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#(\w+)\)", drawn)) <= set(ids)
