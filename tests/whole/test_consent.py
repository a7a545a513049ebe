"""An app asks a person in a real browser: by sign-in, without JavaScript, and sent back to it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.clients.orders import Hands
from tests.shops import Shop
from tests.whole.browser import Shopper
from tests.whole.test_browser import OVERFLOW, violations
from tests.whole.test_inbox import LIMIT, PASSWORD, join

pytestmark = pytest.mark.browser

EMAIL = "asked@example.org"
REDIRECT = "https://assistant.example/callback"
CHALLENGE = "w1TpKUdYE9hUAcNSeeSRFioHDxfUxuHho_JHAfZ_vDM"


@pytest.fixture
def plain(with_windows: Browser) -> Iterator[BrowserContext]:
    """Without JavaScript; narrow, dark, from the right."""
    context = with_windows.new_context(
        locale="ar",
        java_script_enabled=False,
        viewport={"width": 320, "height": 800},
        color_scheme="dark",
    )
    context.set_default_timeout(LIMIT)
    yield context
    context.close()


def test_a_person_lets_an_app_in(
    shop: Shop, hands: Hands, chrome: Browser, plain: BrowserContext
) -> None:
    join(hands, EMAIL)
    client = httpx.post(
        f"{shop.address}/oauth/register",
        json={"client_name": "Assistant", "redirect_uris": [REDIRECT]},
    ).json()
    asked = urlencode(
        {
            "response_type": "code",
            "client_id": client["client_id"],
            "redirect_uri": REDIRECT,
            "scope": "shop:read basket:write orders:read",
            "state": "s1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
    )
    page = plain.new_page()
    page.route("https://assistant.example/**", lambda route: route.fulfill(body="Welcome back"))

    page.goto(f"{shop.address}/oauth/authorize?{asked}")
    page.fill("#id_username", EMAIL)
    page.fill("#id_password", PASSWORD)
    page.locator("main form:has(#id_password) button").click()
    page.uncheck("input[value='basket:write']")
    page.locator("main button[name=allow]").click()
    page.wait_for_url(f"{REDIRECT}*")

    told = parse_qs(urlsplit(page.url).query)
    assert set(told) == {"code", "state", "iss"}
    with chrome.new_context(storage_state=plain.storage_state(), locale="ar") as context:
        context.set_default_timeout(LIMIT)
        shopper = Shopper(context.new_page(), shop.address)
        shopper.page.set_viewport_size({"width": 320, "height": 800})
        for path in (f"/oauth/authorize?{asked}", "/account/apps"):
            shopper.go(path)
            assert violations(shopper) == [], path
            assert shopper.page.evaluate(OVERFLOW) == 0, path
        assert "Assistant" in shopper.page.locator("main").inner_text()
