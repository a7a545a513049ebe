"""The clients of docs/."""

import importlib.util
import sys
from types import ModuleType

import pytest

from tests.shops import ROOT

CLIENTS = ROOT / "docs" / "clients"


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
