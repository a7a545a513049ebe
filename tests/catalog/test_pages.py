"""The shop's pages, as a browser without JavaScript sees them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from django.test import Client, override_settings
from pytest_django import DjangoDbBlocker

from catalog import views
from catalog.demo.fill import fill
from catalog.models import Master, Media, StockItem

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module", autouse=True)
def _demo(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """Filled once; each test takes back what it changes."""
    with (
        override_settings(MEDIA_ROOT=tmp_path_factory.mktemp("media")),
        django_db_blocker.unblock(),
        transaction.atomic(),
    ):
        fill(now=datetime(2026, 11, 20, 12, 0, tzinfo=UTC))
        yield
        transaction.set_rollback(True)


def text(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return str(response.content.decode())


def works(page: str) -> list[str]:
    return re.findall(r'<h2><a href="/p/([\w-]+)">', page)


def test_a_room_shows_what_hangs_in_it_and_in_the_rooms_behind(client: Client) -> None:
    electronics, phones = text(client, "/?category=electronics"), text(client, "/?category=phones")

    assert len(works(electronics)) == 24
    assert works(phones) == [
        "iphone-15",
        "pixel-8a",
        "galaxy-s24",
        "fairphone-5",
        "easy-phone",
    ]
    assert phones.count('aria-current="true"><i') == 2


def test_a_search_stays_when_the_room_changes(client: Client) -> None:
    page = text(client, "/?q=ilkka&sort=price")

    assert 'href="?category=museum-shop&amp;q=ilkka&amp;sort=price"' in page
    assert works(text(client, "/?category=museum-shop&q=ilkka&sort=price")) == [
        "three-boats",
        "sun-over-the-strait",
        "harbour-at-night",
        "winter-birches",
    ]


@pytest.mark.parametrize("sort", ["rating", "name"])
def test_a_list_that_was_sorted_can_be_searched(client: Client, sort: str) -> None:
    """By what a search cannot be sorted by: that is not offered there."""
    searched = text(client, f"/?q=lamp&sort={sort}")

    assert works(searched) == works(text(client, "/?q=lamp")) != []
    assert re.findall(r'<option value="([^"]*)"', searched) == ["", "price", "-price"]
    assert not re.search(rf'href="[^"]*sort={sort}', searched)
    assert f'<option value="{sort}" selected>' in text(client, f"/?sort={sort}")


def test_more_objects_leads_to_the_rest(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "PAGE", 3)

    first = text(client, "/?category=phones&q=&sort=price")
    more = re.search(r'<p class="more"><a class="btn" href="([^"]+)"', first)
    assert more
    second = text(client, "/" + more[1].replace("&amp;", "&"))

    assert (len(works(first)), len(works(second))) == (3, 2)
    assert not set(works(first)) & set(works(second))
    assert 'class="more"' not in second


def test_one_work_is_larger_only_among_several(client: Client) -> None:
    assert text(client, "/?category=phones").count('class="work big') == 1
    assert text(client, "/?q=red mugs under 20").count('class="work') == 1
    assert 'class="work big' not in text(client, "/?q=red mugs under 20")


def test_what_has_no_picture_shows_its_first_letter(client: Client) -> None:
    Media.objects.filter(master__slug="iphone-15").delete()
    initial = 'data-initial="I"'

    assert initial in text(client, "/?category=phones")
    assert initial in text(client, "/p/iphone-15")
    client.post("/basket/add", {"sku": "IPHONE-15-128-BLACK", "quantity": 1})
    assert initial in text(client, "/basket")
    assert "data-initial" not in text(client, "/p/pixel-8a")


def test_what_could_be_searched_for_is_what_the_shop_has(client: Client) -> None:
    assert 'placeholder="Café, Electronics, Museum shop"' in text(client, "/")


@pytest.mark.parametrize(
    ("language", "wish", "read"),
    [
        ("en", "red mugs under €20", "“mugs”, red, up to €20.00"),
        ("de", "rote Tassen unter 20 €", "„tassen“, rot, bis 20,00\xa0€"),
        ("fr", "tasses rouges à moins de 20 €", "«\xa0tasses\xa0», rouge, jusqu\u2019à 20,00\xa0€"),
        ("es", "tazas rojas por menos de 20 €", "«tazas», rojo, hasta 20,00\xa0€"),
        ("ar", "أكواب حمراء بأقل من ٢٠ يورو", "«اكواب»،\u200f أحمر،\u200f حتى"),
        ("ar", "أرني أكوابًا حمراء بأقل من 20 يورو", "«اكوابا»،\u200f أحمر،\u200f حتى"),
    ],
)
def test_the_same_wish_finds_the_same_in_every_language(
    client: Client, language: str, wish: str, read: str
) -> None:
    client.post("/language", {"language": language, "next": "/"})

    found = client.get("/", {"q": wish})

    assert works(found.content.decode()) == ["two-stripe-mug"]
    assert read in found.content.decode()


def test_nothing_found_says_so_and_leads_back(client: Client) -> None:
    page = text(client, "/?q=unicorn")

    assert "Nothing matches “unicorn”." in page
    assert works(page) == []


@pytest.mark.parametrize("query", ["category=nowhere", "cursor=text", "sort=best", "category=%00"])
def test_a_mistyped_address_is_not_here(client: Client, query: str) -> None:
    response = client.get(f"/?{query}")

    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


def test_choices_are_grouped_and_one_is_made(client: Client) -> None:
    page = text(client, "/p/iphone-15")

    assert re.findall(
        r'id="group-\d"><span><bdi>([^<]+)</bdi></span> <span[^>]+>([^<]+)<', page
    ) == [
        ("128 GB", "€749.00"),
        ("256 GB", "€869.00"),
        ("512 GB", "€1,099.00"),
    ]
    assert page.count('type="radio"') == 15
    assert re.findall(r'value="([\w-]+)"[^>]* checked', page) == ["IPHONE-15-128-BLACK"]


def test_what_is_sold_out_cannot_be_chosen_and_another_is(client: Client) -> None:
    StockItem.objects.filter(variant__sku="IPHONE-15-128-BLACK").update(on_hand=0)
    StockItem.objects.filter(variant__sku="IPHONE-15-128-BLUE").update(on_hand=2)

    page = text(client, "/p/iphone-15")

    assert re.findall(r'value="([\w-]+)"[^>]* disabled', page) == ["IPHONE-15-128-BLACK"]
    assert re.findall(r'value="([\w-]+)"[^>]* checked', page) == ["IPHONE-15-128-BLUE"]
    assert page.count(">Sold out<") == 1
    assert "2 left" in page


def test_what_was_chosen_stays_when_it_is_refused(client: Client) -> None:
    page = {"Referer": "http://testserver/p/two-stripe-mug"}
    wish = {"sku": "TWO-STRIPE-MUG-BLUE", "quantity": "500"}

    refused = client.post("/basket/add", wish, headers=page, follow=True)

    shown = refused.content.decode()
    assert "Only 30 of Two-stripe mug, Blue are left." in shown
    assert re.findall(r'value="([\w-]+)"[^>]* checked', shown) == ["TWO-STRIPE-MUG-BLUE"]
    assert 'name="quantity" value="500"' in shown


def test_a_dish_keeps_what_was_chosen_with_it(client: Client) -> None:
    """Also where it was put in from a list, which cannot ask what to choose."""
    wish = {"sku": "SHOYU-RAMEN", "quantity": "2", "modifiers-extras": "soft-egg"}

    refused = client.post("/basket/add", wish, follow=True)

    shown = refused.content.decode()
    assert refused.redirect_chain[0][0].startswith("/p/shoyu-ramen?")
    assert re.findall(r'value="([\w-]+)"[^>]* checked', shown) == ["soft-egg"]
    assert 'name="quantity" value="2"' in shown


def test_what_is_left_is_said_by_the_script_in_the_words_of_the_page(client: Client) -> None:
    client.post("/language", {"language": "ar", "next": "/"})
    StockItem.objects.filter(variant__sku="TWO-STRIPE-MUG-BLUE").update(on_hand=2)

    page = text(client, "/p/two-stripe-mug")

    (few,) = re.findall(r'data-few="([^"]+)"', page)
    assert re.findall(r"data-left>([^<]+)<", page) == [few.split("|")[1]]
    assert len(set(few.split("|"))) == 5


def test_a_product_without_stock_offers_no_basket(client: Client) -> None:
    StockItem.objects.filter(variant__sku="CELADON-BOWL").update(on_hand=0)

    page = text(client, "/p/celadon-bowl")

    assert "Sold out at the moment." in page
    assert "CELADON-BOWL</" not in page
    assert "Add to basket" not in page
    assert "Ordered now" not in page


@pytest.mark.parametrize(
    ("slug", "said"),
    [
        ("squash-soup", ["At your door by <time", "You can watch it come"]),
        ("day-ticket", ["Ready by <time", "You are told of every step."]),
        ("amphora-vase", ["At your door by <time", "You can watch it come"]),
    ],
)
def test_the_page_says_what_happens_next_by_the_kind_of_product(
    client: Client, slug: str, said: list[str]
) -> None:
    page = text(client, f"/p/{slug}")

    assert [each for each in said if each not in page] == []


def test_options_that_cost_alike_say_it_once_and_others_each(client: Client) -> None:
    master = Master.objects.get(slug="iphone-15")
    price = master.variants.get(sku="IPHONE-15-256-PINK").prices.get()
    price.amount = 99900
    price.save()

    page = text(client, "/p/iphone-15")

    assert '<p class="row between sm" id="group-2"><span><bdi>256 GB</bdi></span> </p>' in page
    assert page.count('<span class="sm price">') == 5


def test_prices_follow_the_language(client: Client) -> None:
    client.post("/language", {"language": "de", "next": "/"})

    page = text(client, "/p/amphora-vase")

    assert "84,00\xa0€" in page
    assert "Amphorenvase" in page


def test_all_numbers_of_a_page_have_the_point_of_its_prices(client: Client) -> None:
    Master.objects.filter(slug="iphone-15").update(rating_sum=9, rating_count=2)
    client.post("/language", {"language": "ar", "next": "/"})

    page = text(client, "/p/iphone-15")

    assert "749.00" in page
    assert "4.5 من 5" in page


@pytest.mark.parametrize("path", ["/", "/p/iphone-15", "/p/nothing"])
def test_pages_hold_no_script_or_style_of_their_own(client: Client, path: str) -> None:
    page = client.get(path).content.decode()

    assert not re.search(r"<style|\sstyle=|\son\w+=", page)
    scripts = re.findall(r"<script\b[^>]*>", page)
    # structured data are no script
    assert all(" src=" in each or "application/ld+json" in each for each in scripts)


def test_a_list_costs_the_same_queries_whatever_it_shows(
    client: Client, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(3):
        client.get("/")
    with django_assert_num_queries(5):
        client.get("/?category=phones")
