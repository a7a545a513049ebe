"""One open shop for all programs of others, which also serves what the conformance suite calls."""

from collections.abc import Iterator

import pytest

from tests.shops import Shop, open_shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(tmp_path_factory.mktemp("shop"), MUSEO_MCP_CONFORMANCE="1") as opened:
        yield opened
