"""What every test may use: real commits, a browser; and what `--long` means."""

import gc
import os
from collections.abc import Iterator
from dataclasses import replace
from math import inf

import pytest
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.test import TransactionTestCase
from django.utils import translation
from pytest_django import DjangoDbBlocker, Settings

from catalog import editions, shop
from catalog.shop import Shop
from mcp_bridge.assistant import planning
from museo.access import limits
from notifications.models import LogHead
from tests import first_rows, mail_server, tables
from tests.clients.orders import Desk, desk
from tests.clients.proxy import Proxy, proxy_to
from tests.mail_server import Mailbox
from tests.services import find_chromium, find_headless
from tests.shared import SHARED
from tests.shops import open_shop

DEMO_SHOP = Shop(time_zone="Europe/Helsinki", steps_done=5, is_open=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """Lanes of a whole run copy what migrations make; one alone makes it."""
    if SHARED in os.environ:
        with django_db_blocker.unblock():
            tables.copy()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A test that commits leaves the tables as it found them."""
    with django_db_blocker.unblock():
        LogHead.objects.update(epoch="test0000")
        first_rows.keep()
    # private to Django, so its stubs leave it out
    TransactionTestCase._fixture_teardown = lambda _case: first_rows.put_back()  # type: ignore[attr-defined]
    yield
    with django_db_blocker.unblock():
        first_rows.see_off()


@pytest.fixture
def committed(transactional_db: None) -> None:
    """A test with real commits, which other connections see."""


@pytest.fixture(autouse=True)
def _open_shop() -> Iterator[None]:
    """The demo's shop is open; who writes another one reads that from then on."""
    shop.keep(DEMO_SHOP, seconds=inf)
    yield
    shop.forget()
    editions.forget()


@pytest.fixture
def contact_email() -> str:
    """Where people write to; other shops of these tests say no such address."""
    told = replace(DEMO_SHOP, contact_email="hello+shop@amphora.example")
    return shop.keep(told, seconds=inf).contact_email


@pytest.fixture(autouse=True)
def _shops_language() -> Iterator[None]:
    """A request leaves its language behind; the next test begins with the shop's."""
    yield
    translation.deactivate()


@pytest.fixture
def full_buckets(settings: Settings) -> Iterator[None]:
    """What one test has used up, in Redis or here, no other shall miss."""
    settings.REDIS_URL = ""
    limits._buckets.forget()
    yield
    limits._buckets.forget()


@pytest.fixture
def mailbox(settings: Settings, full_buckets: None) -> Iterator[Mailbox]:
    """Mail goes to a real server, which keeps it."""
    with mail_server.serve() as handler:
        settings.MUSEO_MAIL = "smtp"
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST = "127.0.0.1"
        settings.EMAIL_PORT = handler.port
        settings.EMAIL_USE_TLS = False
        settings.DEFAULT_FROM_EMAIL = "Museo <orders@shop.example>"
        yield handler


@pytest.fixture(scope="session")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The desk of a shop whose clock runs as in life; its callers may send broadcasts."""
    folder = tmp_path_factory.mktemp("calm")
    with open_shop(folder, speed=1, MUSEO_DEBUG="1") as opened, desk(opened) as at:
        yield at


@pytest.fixture
def proxy(calm: Desk) -> Iterator[Proxy]:
    with proxy_to(calm.shop.address) as opened:
        yield opened


def pytest_configure() -> None:
    """Tests call from one address, far more often than people do; so do the shops they open.

    Every test client makes the middleware anew: it looks for static files when they are asked for.
    A password is hashed fewer times than in life; how often is written beside each hash. And what
    is loaded until all tests are known is no garbage.
    """
    gc.disable()
    settings.WHITENOISE_AUTOREFRESH = True
    PBKDF2PasswordHasher.iterations = 1_000
    for name in ("MUSEO_CALLS_PER_MINUTE", "MUSEO_SIGN_INS_PER_MINUTE"):
        setattr(settings, name, 1_000_000)
        os.environ.setdefault(name, "1000000")
    # nor do they ask a real model, whatever keys their machine has
    planning.register(None)
    for name in ("MCP_ANTHROPIC_API_KEY", "MCP_GROQ_API_KEY", "MUSEO_AI_URL"):
        setattr(settings, name, "")
    for name in ("MCP_ANTHROPIC_API_KEY", "ANTHROPIC_API_KEY", "MCP_GROQ_API_KEY", "GROQ_API_KEY"):
        os.environ.pop(name, None)
    os.environ.pop("MUSEO_AI_URL", None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="the long form of races and soaks")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The browser's come last: its driver has an event loop, in whose thread no other may run."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
    for item in items:
        if "calm" in getattr(item, "fixturenames", ()):
            item.add_marker("calm")
    if config.getoption("--long"):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What is loaded by now stays: to look through it for garbage takes a tenth of all the time."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program."""
    found = find_chromium()
    assert found, "this test needs Chromium: apt-get install chromium"
    return str(found)


@pytest.fixture(scope="session")
def headless(chromium: str) -> str:
    """The browser's program for tests that need no notifications."""
    return str(find_headless() or chromium)
