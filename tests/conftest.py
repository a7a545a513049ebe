"""What every test may use: a log that can be flushed."""

from collections.abc import Iterator

import pytest
from django.db.models import F

from notifications.models import LogHead


@pytest.fixture
def committed(transactional_db: None) -> Iterator[None]:
    """A test with real commits: afterwards the log lets itself be flushed, then begins anew."""
    LogHead.objects.get_or_create(id=1, defaults={"epoch": "test0000"})
    yield
    LogHead.objects.update(floor=F("head"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="the long form of races and soaks")
