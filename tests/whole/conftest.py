"""The open shop, once for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.shops import Shop, open_shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(tmp_path_factory.mktemp("shop")) as opened:
        yield opened
