"""The page of the API in a real browser: it shows the calls, and asks no other host."""

import pytest
from playwright.sync_api import Browser, expect

from tests.shops import Shop
from tests.whole.browser import Shopper

pytestmark = pytest.mark.browser


def test_the_page_of_the_api_shows_its_calls_from_this_host_alone(
    chrome: Browser, shop: Shop
) -> None:
    page = chrome.new_page()
    reader = Shopper(page, shop.address)
    reader.watch()

    reader.go("/docs")

    page.locator("#operations-tag-basket").click()
    call = page.locator("#operations-basket-post_basket_items")
    expect(call).to_be_visible()
    call.locator(".opblock-summary-control").click()
    expect(call.locator(".opblock-body")).to_contain_text("quantity")
    # its pictures are a part of its style sheet
    assert [told for told in reader.trouble if not told.startswith("data:")] == []
    page.close()
