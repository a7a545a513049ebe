"""What the shop says of itself: read seldom, edited by owners, shown on every page."""

import re
from datetime import date, datetime
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils.translation import override

from catalog import masters, pictures, places, shop, shopkeeping
from catalog.demo import house
from catalog.models import Category, Master, OpeningHours, Price, ShopSettings, Variant
from catalog.prices import Offer
from catalog.products import listing
from catalog.search.models import SearchEntry
from catalog.shop import Shop
from museo.access import trail
from museo.access.callers import Caller, caller_for_user
from museo.access.models import User
from tests.orders.conftest import noon as noon
from tests.together import at_once

pytestmark = pytest.mark.django_db
ADDRESS = "/admin/catalog/shopsettings/1/change/"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40
INLINE = {
    "hours-TOTAL_FORMS": "1",
    "hours-INITIAL_FORMS": "0",
    "hours-0-weekday": "4",
    "hours-0-opens_at": "11:00",
    "hours-0-closes_at": "02:00",
}


@pytest.fixture
def row(noon: datetime) -> ShopSettings:
    house.open_doors(now=noon)
    return ShopSettings.objects.get()


def staff(role: str) -> Client:
    user = User.objects.create_user(f"{role}@example.org", is_staff=True)
    user.groups.set(Group.objects.filter(name=role))
    client = Client()
    client.force_login(user)
    return client


def typed(row: ShopSettings, **changes: Any) -> dict[str, Any]:
    return {
        "name": row.name,
        "legal_address": row.legal_address,
        "contact_email": row.contact_email,
        "country": row.country,
        "currency": row.currency,
        "languages": row.languages,
        "default_language": row.default_language,
        "time_zone": row.time_zone,
        "pause_text": "",
        "seen": str(row.revision),
        **INLINE,
        **changes,
    }


def errors(response: Any) -> dict[str, Any]:
    return dict(response.context["adminform"].form.errors)


# reading


def test_it_is_read_once_for_many_questions(
    row: ShopSettings, django_assert_num_queries: Any
) -> None:
    shop.forget()
    with django_assert_num_queries(2):
        assert [shop.current().name for _each in range(20)] == ["Museo"] * 20


def test_another_process_sees_a_change_within_a_second(
    row: ShopSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr("catalog.shop.time.monotonic", lambda: clock[0])
    assert shop.current().name == "Museo"
    # what another process has written
    ShopSettings.objects.update(name="Amphora")

    clock[0] += 0.9
    before = shop.current().name
    clock[0] += 0.2

    assert (before, shop.current().name) == ("Museo", "Amphora")


def test_the_process_that_writes_sees_it_at_once(row: ShopSettings, noon: datetime) -> None:
    assert shop.current().name == "Museo"

    shopkeeping.change(Caller(), {"name": "Amphora"}, now=noon)

    assert shop.current().name == "Amphora"


@pytest.mark.both
def test_another_currency_is_what_products_are_found_by(row: ShopSettings, noon: datetime) -> None:
    owner = caller_for_user(User.objects.create_superuser("owner@museo.example"), locale="en")
    Category.objects.add_root(instance=Category(slug="clay", name="Clay"))
    kronor = {"amount": 90000, "currency": "SEK"}
    variants = [{"sku": "BOWL", "prices": [{"price": kronor}]}]
    made = {"category": "clay", "status": "active", "variants": variants}
    masters.create(owner, {**made, "translations": {"en": {"name": "Bowl"}}}, now=noon)
    assert SearchEntry.objects.get().price is None

    shopkeeping.change(owner, {"currency": "SEK"}, now=noon)

    assert SearchEntry.objects.get().price == 90000
    assert listing(locale="en", now=noon, query="bowl", sort="price").results[0]["price"] == kronor


@pytest.mark.both
def test_two_who_make_the_shop_at_once_make_one(committed: None, noon: datetime) -> None:
    names = at_once([partial(_begin, f"Shop {number}", noon) for number in range(4)])

    assert set(names) == {ShopSettings.objects.get().name}


def _begin(name: str, now: datetime) -> str:
    return shopkeeping.begin({**house.FIELDS, "name": name, "opened_at": now}, now=now).name


def test_there_can_be_no_second_shop(row: ShopSettings) -> None:
    with pytest.raises(IntegrityError, match=r"there_is_one_shop"), transaction.atomic():
        ShopSettings.objects.create(**{**house.FIELDS, "id": 2})


# the admin


def test_owners_edit_it_and_the_next_page_shows_it(row: ShopSettings) -> None:
    owner = staff("owner")

    saved = owner.post(
        ADDRESS, typed(row, name="Amphora & Sons", languages=["de", "ar"], default_language="de")
    )

    assert saved.status_code == 302
    page = owner.get("/", headers={"Accept-Language": "fr"}).content.decode()
    assert "Amphora &amp; Sons" in page
    assert '<html lang="de"' in page
    assert re.findall(r'name="language" value="(\w+)"', page) == ["de", "ar"]
    assert [str(each) for each in OpeningHours.objects.all()] == ["11:00 - 02:00"]
    assert len(shop.current().hours) == 1
    traces = [(trace.name, trace.what, trace.fields) for trace in trail.of("shop")]
    assert traces == [
        ("owner@example.org", "shop.changed", ["name", "languages", "default_language"])
    ]


def test_owners_say_where_people_write_to(row: ShopSettings) -> None:
    owner = staff("owner")
    assert "mailto:" not in owner.get("/about").content.decode()

    saved = owner.post(ADDRESS, typed(row, contact_email=" hello+shop@amphora.example "))

    assert saved.status_code == 302
    assert ShopSettings.objects.get().contact_email == "hello+shop@amphora.example"
    shown = (
        '<a href="mailto:hello%2Bshop@amphora.example"><bdi>hello+shop@amphora.example</bdi></a>'
    )
    assert shown in owner.get("/about").content.decode()


def test_what_is_no_address_is_said_in_ones_language(row: ShopSettings) -> None:
    owner = staff("owner")
    owner.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"

    answer = owner.post(ADDRESS, typed(row, contact_email="hello"))

    assert errors(answer) == {
        "contact_email": ["Schreiben Sie eine E-Mail-Adresse wie maya@example.org."]
    }


@pytest.mark.parametrize("role", ["catalogue", "fulfillment", "support"])
def test_no_other_role_may(row: ShopSettings, role: str) -> None:
    refused = staff(role).post(ADDRESS, typed(row, name="Mine"))

    assert refused.status_code == 403
    assert shop.current().name == "Museo"


def test_whoever_saves_second_is_told(row: ShopSettings) -> None:
    owner = staff("owner")
    owner.post(ADDRESS, typed(row, name="First"))

    second = owner.post(ADDRESS, typed(row, name="Second"), follow=True)

    assert "meanwhile" in second.content.decode()
    assert ShopSettings.objects.get().name == "First"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"contact_email": "hello"}, "contact_email"),
        ({"contact_email": '"hel lo"@amphora.example'}, "contact_email"),
        ({"contact_email": f"hello@{'amphora.' * 32}example"}, "contact_email"),
        ({"currency": "XXX"}, "currency"),
        ({"country": "fi"}, "country"),
        ({"languages": []}, "languages"),
        ({"languages": ["nl"]}, "languages"),
        ({"default_language": "de", "languages": ["en"]}, "default_language"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"pause_text": "x" * 301}, "pause_text"),
        ({"seen": "99999999999999999999"}, "seen"),
    ],
)
def test_what_cannot_be_used_is_said_and_changes_nothing(
    row: ShopSettings, changes: dict[str, Any], field: str
) -> None:
    answer = staff("owner").post(ADDRESS, typed(row, **changes))

    assert answer.status_code == 200
    assert list(errors(answer)) == [field]
    assert ShopSettings.objects.get().revision == row.revision


def test_a_currency_stays_from_the_first_price_on(row: ShopSettings) -> None:
    room = Category.objects.add_root(instance=Category(slug="light", name="Light"))
    master = Master.objects.create(slug="lamp", primary_category=room, name="Lamp")
    variant = Variant.objects.create(master=master, sku="LAMP")
    owner = staff("owner")
    assert owner.post(ADDRESS, typed(row, currency="SEK")).status_code == 302
    Price.objects.create(variant=variant, amount=100, currency="SEK")

    answer = owner.post(ADDRESS, typed(ShopSettings.objects.get(), currency="EUR"))

    assert list(errors(answer)) == ["currency"]
    assert shop.currency() == "SEK"


def test_a_logo_is_shown_and_named_by_what_it_is(
    row: ShopSettings, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    owner = staff("owner")
    upload = SimpleUploadedFile("evil.html", PNG, "text/html")

    assert owner.post(ADDRESS, typed(row, logo=upload)).status_code == 302

    page = owner.get("/").content.decode()
    assert re.search(r'<img src="/media/shop/logo-\w+\.png" alt="Museo"', page)


@pytest.mark.parametrize(
    "held",
    [
        b"",
        b"<html><script>alert(1)</script></html>",
        b"MZ\x90",
        PNG + b"0" * pictures.LARGEST_LOGO,
        b'<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>',
    ],
)
def test_what_is_no_picture_is_no_logo(row: ShopSettings, held: bytes) -> None:
    upload = SimpleUploadedFile("logo.png", held, "image/png")

    answer = staff("owner").post(ADDRESS, typed(row, logo=upload))

    assert list(errors(answer)) == ["logo"]


def test_a_name_in_html_is_shown_as_text(row: ShopSettings, noon: datetime) -> None:
    hostile = {"name": "<b>Bold</b> \u202eshop", "pause_text": "<script>", "is_paused": True}
    shopkeeping.change(Caller(), hostile, now=noon)

    page = Client().get("/").content.decode()

    assert "&lt;b&gt;Bold&lt;/b&gt;" in page
    assert "<script>" not in page.partition("<main")[2].partition("</main>")[0]


# choices


def test_every_choice_is_named_in_the_readers_language() -> None:
    with override("de"):
        assert dict(places.countries())["FI"] == "Finnland"
        assert dict(places.currencies())["JPY"] == "Japanischer Yen (JPY)"
    assert {"FI", "SA", "ES"} <= dict(places.countries()).keys()
    assert places.time_zone_of("FI") == "Europe/Helsinki"
    assert places.time_zone_of("US") == ""


def test_the_money_of_a_country_is_that_of_the_day() -> None:
    days = (date(2025, 12, 31), date(2026, 1, 1))

    assert [places.currency_of("BG", day) for day in days] == ["BGN", "EUR"]
    assert [places.currency_of("JP", day) for day in days] == ["JPY", "JPY"]


def test_a_shop_goes_on_with_a_currency_of_before() -> None:
    assert {"EUR", "JPY", "BGN"} <= places.tender()
    assert Offer(100, "BGN").faults() == []
    assert Offer(100, "XXX").faults() != []


def test_a_shop_before_its_first_run_is_not_open() -> None:
    shop.forget()

    assert shop.current() == Shop()
    assert not shop.current().is_open
