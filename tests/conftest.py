"""What every test may use: a log that can be flushed, a browser; and what `--long` means."""

import os
from collections.abc import Iterator
from importlib import import_module
from math import inf

import pytest
from django.apps import apps
from django.conf import settings
from django.db.models import F
from django.utils import translation

from catalog import shop
from catalog.shop import Shop
from notifications.models import LogHead
from tests.services import find_chromium

DEMO_SHOP = Shop(time_zone="Europe/Helsinki", steps_done=5, is_open=True)


@pytest.fixture
def committed(transactional_db: None) -> Iterator[None]:
    """A test with real commits: afterwards the log lets itself be flushed, then begins anew.

    What a flush takes with it of the first rows of a shop is put back.
    """
    LogHead.objects.get_or_create(id=1, defaults={"epoch": "test0000"})
    import_module("orders.migrations.0003_first_delivery_options").forwards(apps, None)
    yield
    LogHead.objects.update(floor=F("head"))


@pytest.fixture(autouse=True)
def _open_shop() -> Iterator[None]:
    """The demo's shop is open; who writes another one reads that from then on."""
    shop.keep(DEMO_SHOP, seconds=inf)
    yield
    shop.forget()


@pytest.fixture(autouse=True)
def _shops_language() -> Iterator[None]:
    """A request leaves its language behind; the next test begins with the shop's."""
    yield
    translation.deactivate()


def pytest_configure() -> None:
    """Tests call from one address, far more often than people do; so do the shops they open.

    Every test client makes the middleware anew: it looks for static files when they are asked for.
    """
    settings.WHITENOISE_AUTOREFRESH = True
    for name in ("MUSEO_CALLS_PER_MINUTE", "MUSEO_SIGN_INS_PER_MINUTE"):
        setattr(settings, name, 1_000_000)
        os.environ.setdefault(name, "1000000")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="the long form of races and soaks")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program."""
    found = find_chromium()
    assert found, "this test needs Chromium: apt-get install chromium"
    return str(found)
