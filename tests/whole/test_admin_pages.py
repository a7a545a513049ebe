"""Pages of the admin in a real browser: nothing lies outside of its window or over another."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from tests.clients.orders import Hands
from tests.shops import Shop

pytestmark = pytest.mark.browser
BOSS, PASSWORD = "pages@museo.example", "a long way to the museum"
SETTLE = """
from museo.access.models import User

User.objects.create_superuser(*sys.argv[1:])
"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# how much of a field lies before what opens its clock: all of it but the icons
BEFORE_ICONS = """
(() => {
  const field = document.querySelector("#id_starts_at_1");
  const icons = field.parentElement.querySelector(".datetimeshortcuts").getBoundingClientRect();
  const box = field.getBoundingClientRect();
  const isRight = getComputedStyle(field).direction === "rtl";
  return (isRight ? box.right - icons.right : icons.left - box.left) / box.width;
})()
"""


def sign_in(page: Page, shop: Shop, language: str) -> None:
    page.context.add_cookies([{"name": "django_language", "value": language, "url": shop.address}])
    page.goto(f"{shop.address}/admin/login/?next=/admin/orders/coupon/add/")
    page.fill("#id_username", BOSS)
    page.fill("#id_password", PASSWORD)
    page.locator("#login-form button[type=submit]").click()
    page.wait_for_url("**/coupon/add/")


def test_forms_fit_their_window_in_both_directions(
    chrome: Browser, shop: Shop, hands: Hands
) -> None:
    hands.do(SETTLE, BOSS, PASSWORD)
    for width, language in ((1280, "en"), (1280, "ar"), (390, "de"), (390, "ar")):
        context = chrome.new_context(viewport={"width": width, "height": 800})
        page = context.new_page()
        sign_in(page, shop, language)
        page.wait_for_selector(".selector-chosen")
        assert page.evaluate(OVERFLOW) == 0, (width, language)
        assert page.evaluate(BEFORE_ICONS) > 0.5, (width, language)
        page.goto(f"{shop.address}/admin/access/user/1/change/")
        page.wait_for_selector(".selector-chosen")
        assert page.evaluate(OVERFLOW) == 0, (width, language)
        context.close()
