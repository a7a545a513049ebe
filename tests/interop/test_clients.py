"""Clients that others have written buy, and are told of every step, in the way that each knows.

However many processes serve the shop, and by whichever server: no client is kept to one of them.
"""

from collections.abc import Iterator

import pytest

from tests.interop.buyers import POLLING, STREAMING, Buyer, buying, called_back

pytestmark = [pytest.mark.long, pytest.mark.interop]
STEPS = ["confirmed", "preparing", "out_for_delivery", "delivered"]
WHOLE = list(enumerate(["order.placed", *(f"order.{step}" for step in STEPS)], start=1))
SERVED_BY = ["one uvicorn", "two uvicorns", "one daphne", "two daphnes"]
CLIENTS = [*STREAMING, *called_back(0), *POLLING]


@pytest.fixture(scope="module", params=SERVED_BY)
def bought(
    request: pytest.FixtureRequest, addresses: dict[str, str], callback_port: int
) -> Iterator[dict[str, Buyer]]:
    """Every client at work."""
    clients = {**STREAMING, **POLLING, **called_back(callback_port)}
    with buying(clients, f"{addresses[request.param]}/mcp") as buyers:
        yield buyers


@pytest.mark.parametrize("client", CLIENTS)
def test_each_client_buys_and_hears_of_its_order_to_the_end(
    bought: dict[str, Buyer], client: str
) -> None:
    """Nobody is told a step twice, or out of order.

    One that was busy has read two steps at once, and is replayed what it has not seen. An event has
    its own message each.
    """
    buyer = bought[client]
    buyer.ends()

    assert buyer.told == [step for step in STEPS if step in buyer.told]
    assert buyer.told[-1] == "delivered"
    assert client != "AI SDK" or buyer.told == STEPS
    assert buyer.replayed == WHOLE


@pytest.mark.parametrize("client", ["TypeScript SDK 2", "Python SDK, listening"])
def test_the_newest_clients_speak_the_newest_version(bought: dict[str, Buyer], client: str) -> None:
    bought[client].ends()

    assert bought[client].version == "2026-07-28"
