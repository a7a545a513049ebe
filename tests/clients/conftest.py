"""A shop whose orders move when a test says so, a proxy before it, and the clients of docs/."""

import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.clients.orders import Desk, desk
from tests.clients.proxy import Proxy, proxy_to
from tests.shops import ROOT, open_shop

CLIENTS = ROOT / "docs" / "clients"


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


@pytest.fixture(scope="session")
def client() -> ModuleType:
    """docs/clients/museo_client.py, as who copied it would import it."""
    spec = importlib.util.spec_from_file_location("museo_client", CLIENTS / "museo_client.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
