"""The open shops, once for all tests of this folder; browsers; a page that follows an order."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.clients.orders import Hands
from tests.clients.proxy import Proxy
from tests.shops import Shop, open_shop
from tests.whole.browser import FLAGS, browser, without_motion
from tests.whole.reader import Watch, watching
from tests.whole.talk import Talk

# a bound, no measure: other tests run beside these
BOUND = 60_000
expect.set_options(timeout=BOUND)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(tmp_path_factory.mktemp("shop")) as opened:
        yield opened


@pytest.fixture(scope="session")
def hands(shop: Shop) -> Iterator[Hands]:
    """Do in the shop's own code what nobody does on a page."""
    with closing(Hands(shop)) as hands:
        yield hands


@pytest.fixture(scope="session")
def chrome(headless: str) -> Iterator[Browser]:
    with browser(headless) as opened:
        yield without_motion(opened)


@pytest.fixture(scope="session")
def with_windows(chrome: Browser, chromium: str) -> Iterator[Browser]:
    """The whole browser: it shows notifications, and the address of a page that does not come."""
    opened = chrome.browser_type.launch(executable_path=chromium, args=FLAGS)
    yield without_motion(opened)
    opened.close()


@pytest.fixture
def context(chrome: Browser) -> Iterator[BrowserContext]:
    """A browser window whose pages must not fail."""
    opened = chrome.new_context(locale="en-GB")
    errors: list[str] = []
    opened.on("weberror", lambda error: errors.append(str(error.error)))
    opened.set_default_timeout(BOUND)
    yield opened
    opened.close()
    assert errors == []


@pytest.fixture
def watch(chrome: Browser, proxy: Proxy) -> Iterator[Watch]:
    """Opens the tracking page of an order of the calm shop, through the proxy."""
    with watching(chrome, proxy.address) as watch:
        yield watch


@pytest.fixture
def talk(context: BrowserContext, shop: Shop) -> Iterator[Talk]:
    talking = Talk(context.new_page(), shop.address)
    talking.shopper.go("/ask")
    yield talking
    assert talking.shopper.trouble == []
