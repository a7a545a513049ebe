"""One open shop for all programs of others, which also serves what the conformance suite calls."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.interop import servers
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


@pytest.fixture(scope="session")
def addresses(shop: Shop) -> Iterator[dict[str, str]]:
    """The one shop, served in four ways."""
    with ExitStack() as stack:
        more = stack.enter_context(servers.serving(shop, servers.UVICORN, count=1))
        daphnes = stack.enter_context(servers.serving(shop, servers.DAPHNE, count=2))
        uvicorns = [shop.address, *more]
        yield {
            "one uvicorn": uvicorns[0],
            "two uvicorns": stack.enter_context(servers.in_turn(uvicorns)),
            "one daphne": daphnes[0],
            "two daphnes": stack.enter_context(servers.in_turn(daphnes)),
        }
