"""What machines read of the shop, and how much of it a browser has to fetch."""

import gzip
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from pytest_django import Settings

from catalog.models import Master
from orders.models import Order
from tests.orders.conftest import FORM, SellLamp

pytestmark = pytest.mark.django_db

KB = 1024
IMPORT = re.compile(r'from "\./([\w-]+\.js)"')
PAGES = ("/about", "/delivery", "/returns", "/privacy", "/contact")
TEMPLATES = Path(__file__).parents[2] / "templates"


def text(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, path
    return str(response.content.decode())


@pytest.fixture
def lamp(sell: SellLamp) -> Any:
    return sell(price=12900, on_hand=3)


def test_a_product_is_told_to_machines_with_its_price_and_stock(client: Client, lamp: Any) -> None:
    Master.objects.update(brand="</script><b>")

    page = text(client, "/p/lamp")

    blocks = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)
    told = json.loads(blocks[0])
    assert told["@type"] == "Product"
    # nothing in it ends the block
    assert told["brand"]["name"] == "</script><b>"
    offer = told["offers"][0]
    assert (offer["price"], offer["priceCurrency"]) == ("129.00", "EUR")
    assert offer["availability"] == "https://schema.org/InStock"
    assert '<meta property="og:title" content="LAMP">' in page


def test_the_sitemap_leads_to_rooms_products_and_pages_and_to_nothing_private(
    client: Client, lamp: Any
) -> None:
    found = ElementTree.fromstring(client.get("/sitemap.xml").content)  # noqa: S314  it is ours
    paths = {str(each.text).partition("127.0.0.1:8000")[2] for each in found.iter() if each.text}

    assert {"/", "/?category=light", "/p/lamp", *PAGES} == paths
    robots = text(client, "/robots.txt")
    assert "Disallow: /orders\n" in robots
    assert "/sitemap.xml" in robots


def test_the_shop_can_be_put_on_a_home_screen(client: Client) -> None:
    answer = client.get("/manifest.webmanifest")

    assert answer["Content-Type"] == "application/manifest+json"
    told = answer.json()
    assert told["display"] == "standalone"
    for icon in told["icons"]:
        assert finders.find(icon["src"].removeprefix("/static/"))


def test_nobody_is_told_to_write_where_nobody_reads(client: Client, settings: Settings) -> None:
    settings.DEFAULT_FROM_EMAIL = "Amphora <orders@localhost>"
    assert "mailto:" not in text(client, "/contact")

    settings.DEFAULT_FROM_EMAIL = "Amphora <hello@amphora.example>"
    assert 'href="mailto:hello@amphora.example"' in text(client, "/contact")


def test_the_shop_says_where_people_write_to(
    client: Client, settings: Settings, contact_email: str
) -> None:
    settings.DEFAULT_FROM_EMAIL = "Amphora <orders@amphora.example>"

    page = text(client, "/contact")

    # in the text and at the foot
    assert page.count('href="mailto:hello%2Bshop@amphora.example"') == 2
    assert "orders@amphora.example" not in page


@pytest.mark.parametrize("path", PAGES)
def test_the_pages_about_the_shop_are_there(client: Client, path: str) -> None:
    assert "<h1>" in text(client, path)


def test_no_page_holds_a_style_or_a_script_of_its_own() -> None:
    """The policy forbids it; letters and the admin's pages are no pages of it."""
    apart = {"letter.html"}
    for path in TEMPLATES.rglob("*.html"):
        if "admin" in path.parts or path.name in apart:
            continue
        source = path.read_text(encoding="utf-8")
        assert not re.search(r"<style|\sstyle=|\son\w+=\"|<script(?![^>]*\ssrc=)", source), path


def packed(name: str) -> int:
    return len(gzip.compress(Path(str(finders.find(name))).read_bytes(), 9))


def scripts_of(page: str) -> set[str]:
    """Of a page and of what those import."""
    found: set[str] = set()
    wanted = re.findall(r'<script src="/static/([^"]+)"', page)
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        found.add(name)
        source = Path(str(finders.find(name))).read_text(encoding="utf-8")
        wanted += [f"js/{other}" for other in IMPORT.findall(source)]
    return found


def test_no_page_makes_a_browser_fetch_much(client: Client, lamp: Any) -> None:
    pages = {path: text(client, path) for path in ("/", "/p/lamp", "/login")}
    client.post("/basket/add", {"sku": "LAMP", "quantity": "1"})
    pages |= {path: text(client, path) for path in ("/basket", "/checkout")}
    client.post("/checkout", FORM)
    order = f"/orders/{Order.objects.get().number}"
    pages |= {path: text(client, path) for path in (order, "/")}

    for path, page in pages.items():
        styles = re.findall(r'<link rel="stylesheet" href="/static/([^"]+)"', page)
        assert sum(map(packed, scripts_of(page))) <= 20 * KB, path
        assert sum(map(packed, styles)) <= 12 * KB, path
        assert len(gzip.compress(page.encode(), 9)) <= 20 * KB, path
