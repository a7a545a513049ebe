"""The index follows what staff write, in the same transaction; the audit sees what it missed."""

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from catalog import products
from catalog.demo.fill import fill
from catalog.models import Category, Master, Price
from catalog.search import audit, index
from catalog.search.models import SearchEntry
from museo.access.models import User
from notifications.audit import broken
from tests.catalog.test_admin import change_form, product_form

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("staff@museo.example"))
    return client


@pytest.fixture
def room() -> Category:
    node: Category = Category.objects.add_root(instance=Category(slug="clay", name="Clay"))
    return node


@pytest.fixture
def demo(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    fill(now=NOON)


def found(query: str) -> list[str]:
    page = products.listing(locale="en", now=timezone.now(), query=query)
    return [row["slug"] for row in page.results]


def offenders() -> list[str]:
    found = broken(audit.INVARIANTS, now=timezone.now())
    return [one for finding in found for one in finding.offenders]


def test_what_staff_write_is_found_at_once(staff: Client, room: Category) -> None:
    staff.post("/admin/catalog/master/add/", product_form(room))
    master = Master.objects.get()
    assert found("blue bowl under 90 €") == ["blue-bowl"]

    changed = change_form(master, name="Green dish", **{"variants-0-price": "95.00"})
    staff.post(f"/admin/catalog/master/{master.pk}/change/", changed)

    assert found("green dish") == ["blue-bowl"]
    assert found("dish under 90 €") == []
    assert SearchEntry.objects.get().price == 9500
    assert offenders() == []


def test_what_staff_delete_is_gone_until_it_is_restored(staff: Client, room: Category) -> None:
    staff.post("/admin/catalog/master/add/", product_form(room))
    master = Master.objects.get()

    staff.post(f"/admin/catalog/master/{master.pk}/delete/", {"post": "yes"})
    assert found("bowl") == []
    assert offenders() == []

    chosen = {"action": "restore", "_selected_action": [master.pk]}
    staff.post("/admin/catalog/master/?deleted=yes", chosen)
    assert found("bowl") == ["blue-bowl"]
    assert offenders() == []


def test_a_categorys_new_name_finds_what_is_in_it(staff: Client, room: Category) -> None:
    staff.post("/admin/catalog/master/add/", product_form(room))

    staff.post(
        f"/admin/catalog/category/{room.pk}/change/",
        {"name": "Porcelain rooms", "slug": "clay", "room": "clay", "is_active": "on"},
    )

    assert found("porcelain rooms") == ["blue-bowl"]


@pytest.mark.usefixtures("demo")
def test_the_audit_finds_what_was_written_past_the_index() -> None:
    assert offenders() == []

    Master.objects.filter(slug="amphora-vase").update(deleted_at=NOON)
    Master.objects.filter(slug="iphone-15").update(revision=7)
    Price.objects.filter(variant__sku="DAY-TICKET").update(amount=1)
    SearchEntry.objects.get(master__slug="pixel-8a").delete()

    assert sorted(offenders()) == [
        "amphora-vase is not on sale and in the index",
        "day-ticket costs 1, indexed 1600",
        "iphone-15 was edited after it was indexed",
        "pixel-8a is on sale and not in the index",
    ]


@pytest.mark.usefixtures("demo")
def test_reindex_and_catching_up_mend_the_index() -> None:
    SearchEntry.objects.filter(master__slug="pixel-8a").delete()
    before = dict(SearchEntry.objects.values_list("pk", "one_variant"))
    SearchEntry.objects.update(one_variant=None)
    index.catch_up(now=NOON)
    assert offenders() == []
    assert dict(SearchEntry.objects.values_list("pk", "one_variant")).items() > before.items()
    assert all(before.values())

    Master.objects.filter(slug="amphora-vase").update(deleted_at=NOON)
    said = StringIO()
    call_command("reindex", stdout=said)

    assert said.getvalue() == f"Products in the search index: {Master.objects.on_sale().count()}.\n"
    assert offenders() == []
