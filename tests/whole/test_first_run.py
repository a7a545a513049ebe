"""The first run in a real browser, in a shop opened without the demo; and the first order."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import tables
from tests.shops import UP, Shop, open_shop
from tests.whole.browser import Shopper
from tests.whole.test_browser import OVERFLOW, violations

pytestmark = pytest.mark.browser
LIMIT = 60_000


@pytest.fixture
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    home = tmp_path_factory.mktemp("bare")
    shutil.copy(tables.sqlite(), home)
    with open_shop(home, command=[*UP, "--no-demo"], within=180) as opened:
        yield opened


def enter(chrome: Browser, shop: Shop) -> Shopper:
    context = chrome.new_context(locale="en-GB", viewport={"width": 390, "height": 800})
    context.set_default_timeout(LIMIT)
    shopper = Shopper(context.new_page(), shop.address)
    shopper.watch()
    return shopper


def send(page: Page, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()


def test_an_owner_walks_the_five_steps_and_a_guest_buys(chrome: Browser, bare: Shop) -> None:
    early, owner = enter(chrome, bare), enter(chrome, bare)
    early.go("/")
    expect(early.page.get_by_role("heading", level=1)).to_have_text("We open soon")
    assert violations(early) == []
    email, password = (bare.home / "staff-login").read_text().split()
    page = owner.page
    owner.go("/login")
    page.fill("#id_username", email)
    page.fill("#id_password", password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/admin/first-run/1")

    send(page, "Save and go on")
    expect(page.get_by_role("alert")).to_be_focused()
    _is_fine(owner)
    page.get_by_label("Name of the shop").fill("Amphora")
    page.get_by_label("Country").select_option("FI")
    page.get_by_label("Currency").select_option("EUR")
    send(page, "Save and go on")
    page.wait_for_url("**/2")
    _is_fine(owner)
    page.get_by_label("Deutsch").uncheck()
    send(page, "Save and go on")
    page.wait_for_url("**/3")
    _is_fine(owner)
    page.get_by_label("What that costs them").fill("3.90")
    send(page, "Save and go on")
    page.wait_for_url("**/4")
    _is_fine(owner)
    expect(page.get_by_label("Standard rate")).to_have_value("25.5")
    send(page, "Save and go on")
    page.wait_for_url("**/5")
    _is_fine(owner)
    page.get_by_label("Name of the product").fill("Moon jar")
    page.get_by_label("Price").fill("84")
    page.get_by_label("How many there are").fill("3")
    send(page, "Sell it and open the shop")
    page.wait_for_url(f"{bare.address}/")
    expect(page.get_by_text("Your shop is open.")).to_be_visible()
    assert violations(owner) == []
    page.set_viewport_size({"width": 1280, "height": 800})
    door = page.locator(".entrance .alcove").bounding_box()
    assert door
    assert door["width"] == door["height"] < 300

    guest = enter(chrome, bare)
    guest.buy("moon-jar")
    assert violations(guest) == []
    assert guest.page.locator("header .brand").inner_text().strip() == "Amphora"
    languages = guest.page.locator("footer [name=language]").evaluate_all(
        "all => all.map(b => b.value)"
    )
    assert languages == ["en", "fr", "es", "ar"]
    assert [early.trouble, guest.trouble] == [[], []]


def _is_fine(owner: Shopper) -> None:
    assert violations(owner) == []
    assert owner.page.evaluate(OVERFLOW) == 0
