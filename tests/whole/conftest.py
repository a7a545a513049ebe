"""The open shops, once for all tests of this folder; a browser; a page that follows an order."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.clients.orders import Desk, desk
from tests.clients.proxy import Proxy, proxy_to
from tests.shops import Shop, open_shop
from tests.whole.browser import browser
from tests.whole.reader import Watch, watching


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(tmp_path_factory.mktemp("shop")) as opened:
        yield opened


@pytest.fixture(scope="session")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The desk of a shop whose clock runs as in life: steps are taken when a test says so."""
    with open_shop(tmp_path_factory.mktemp("calm"), speed=1) as opened, desk(opened) as at:
        yield at


@pytest.fixture(scope="module")
def chrome(chromium: str) -> Iterator[Browser]:
    with browser(chromium) as opened:
        yield opened


@pytest.fixture
def proxy(calm: Desk) -> Iterator[Proxy]:
    with proxy_to(calm.shop.address) as opened:
        yield opened


@pytest.fixture
def watch(chrome: Browser, proxy: Proxy) -> Iterator[Watch]:
    """Opens the tracking page of an order of the calm shop, through the proxy."""
    with watching(chrome, proxy.address) as watch:
        yield watch
