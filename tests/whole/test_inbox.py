"""The inbox and the preferences in a real browser: live in all of a person's browsers, by keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.clients.orders import Hands
from tests.shops import Shop
from tests.whole.browser import Shopper
from tests.whole.test_browser import OVERFLOW, violations

pytestmark = pytest.mark.browser

PASSWORD = "a long way to the museum"
LIMIT = 60_000
JOIN = """
from museo.access.models import User

email, password = sys.argv[1:]
User.objects.create_user(email, password, time_zone="Europe/Helsinki")
"""
ALL_STEPS = 5
PAGES = ["/notifications", "/account/notifications", "/account", "/account/password"]
Enter = Callable[..., Shopper]


@pytest.fixture
def enter(chrome: Browser, shop: Shop, hands: Hands) -> Iterator[Enter]:
    """Opens a browser of its own, in which the person of this e-mail address has signed in."""
    contexts = []

    def enter(email: str, *, joins: bool = False, **options: Any) -> Shopper:
        if joins:
            join(hands, email)
        context = chrome.new_context(locale="en-GB", **options)
        context.set_default_timeout(LIMIT)
        contexts.append(context)
        shopper = Shopper(context.new_page(), shop.address)
        shopper.watch()
        shopper.go("/login")
        shopper.page.fill("#id_username", email)
        shopper.page.fill("#id_password", PASSWORD)
        shopper.page.locator("main").get_by_role("button", name="Sign in").click()
        shopper.page.wait_for_url(f"{shop.address}/")
        return shopper

    yield enter
    for context in contexts:
        context.close()


def join(hands: Hands, email: str) -> None:
    hands.do(JOIN, email, PASSWORD)


def test_a_badge_counts_live_and_what_is_read_in_one_browser_is_read_in_the_other(
    enter: Enter,
) -> None:
    laptop = enter("ada@example.org", joins=True)
    phone = enter("ada@example.org", viewport={"width": 390, "height": 844})
    badge = phone.page.locator("[data-inbox] .count")
    expect(badge).to_be_hidden()

    laptop.buy("amphora-vase")

    expect(badge).to_have_text(str(ALL_STEPS), timeout=LIMIT)
    laptop.go("/notifications")
    expect(laptop.page.locator(".notice[data-new]")).to_have_count(ALL_STEPS)
    expect(badge).to_be_hidden(timeout=LIMIT)
    expect(laptop.page.locator("[data-inbox] .count")).to_be_hidden()
    laptop.page.reload()
    expect(laptop.page.locator(".notice")).to_have_count(ALL_STEPS)
    expect(laptop.page.locator(".notice[data-new]")).to_have_count(0)
    assert laptop.trouble == phone.trouble == []


def test_preferences_are_chosen_by_keys_and_without_a_script(enter: Enter) -> None:
    shopper = enter("ben@example.org", joins=True, java_script_enabled=False)
    page = shopper.page
    shopper.go("/account/notifications")
    switch = page.get_by_role("switch", name="How an order gets on: E-mail")
    expect(switch).to_be_checked()

    switch.focus()
    page.keyboard.press("Space")
    page.get_by_role("switch", name="Tell me nothing in quiet hours").press("Space")
    page.get_by_role("radio", name="Every hour").press("Space")
    page.get_by_role("button", name="Save").press("Enter")

    expect(page.get_by_role("status")).to_have_text("Saved.")
    expect(switch).not_to_be_checked()
    expect(page.get_by_role("switch", name="Tell me nothing in quiet hours")).to_be_checked()
    expect(page.get_by_role("radio", name="Every hour")).to_be_checked()
    assert shopper.trouble == []


@pytest.mark.parametrize(
    ("language", "scheme", "width"),
    [
        ("ar", "dark", 320),
        pytest.param("en", "light", 1280, marks=pytest.mark.long),
        pytest.param("ar", "light", 1280, marks=pytest.mark.long),
        pytest.param("en", "dark", 320, marks=pytest.mark.long),
    ],
)
def test_the_pages_are_accessible_and_fit(
    shop: Shop, enter: Enter, language: str, scheme: str, width: int
) -> None:
    email = f"{language}-{scheme}@example.org"
    window = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    shopper = enter(email, joins=True, **window)
    shopper.buy("postcard-set")
    shopper.page.context.add_cookies(
        [{"name": "django_language", "value": language, "url": shop.address}]
    )

    for path in PAGES:
        shopper.go(path)
        assert violations(shopper) == [], path
        assert shopper.page.evaluate(OVERFLOW) == 0, path
    assert shopper.trouble == []
