"""One open shop for all programs of others, which also serves what the conformance suite calls."""

from collections.abc import Iterator

import pytest

from tests.shops import Shop, free_port, open_shop


@pytest.fixture(scope="session")
def callback_port() -> int:
    """Where a client may be called back, although it is on this machine."""
    return free_port()


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory, callback_port: int) -> Iterator[Shop]:
    with open_shop(
        tmp_path_factory.mktemp("shop"),
        within=150,
        MUSEO_MCP_CONFORMANCE="1",
        MUSEO_WEBHOOK_ALLOW=f"127.0.0.1:{callback_port}",
    ) as opened:
        yield opened
