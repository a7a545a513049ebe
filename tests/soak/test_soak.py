"""Everything at once, with a fault every twenty seconds; then everybody is asked, and the audit.

    TEST_SOAK_SECONDS=120 TEST_SOAK_SEED=7 scripts/test --long tests/soak

The seed is printed: the same one brings the same faults.
"""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial

import httpx
import pytest

from museo.ops import valkey
from tests import services
from tests.faults.customers import Crowd, Customer
from tests.mcp_bridge.raw import INITIALIZE, LEGACY
from tests.processes import TLS, eventually
from tests.topology.load import Load, Readers, Receiver, register
from tests.topology.running import Topology, own_topology

pytestmark = pytest.mark.long
SECONDS = int(os.environ.get("TEST_SOAK_SECONDS", "480"))
SEED = int(os.environ.get("TEST_SOAK_SEED") or random.SystemRandom().randrange(10**6))
FAULT_EVERY_SECONDS = 20
# an order takes two minutes, so that about two hundred people are waiting for theirs at any time
SPEED = 6
STREAMS = 200
ORDER_SECONDS = 720 / SPEED
# fifty requests a second
READERS, READER_PAUSE_SECONDS = 10, 0.2
# of which there is most in the demo shop
THINGS = (
    *("FILTER-COFFEE", "MINT-TEA", "POSTCARD-SET", "CARDAMOM-BUN", "WOVEN-CABLE"),
    *("FILTER-COFFEE", "MUSEUM-FRIES", "SEA-BUCKTHORN-SODA", "CINNAMON-ROLL", "MAGNET-FRAMES"),
)
PATIENCE_SECONDS = 240
REDIS_IS_AWAY_SECONDS = 5


@pytest.fixture(scope="module")
def shop() -> Iterator[Topology]:
    programs, server = services.find_postgresql(), valkey.server()
    assert programs, "this test needs PostgreSQL"
    assert server, "this test needs Valkey"
    with own_topology(programs, server, speed=SPEED) as found:
        yield found


def faults(shop: Topology) -> Mapping[str, Callable[[], None]]:
    """What may break: each part of each kind, the database's power, Redis with all it had."""
    assert shop.cluster
    assert shop.valkey
    cluster, redis = shop.cluster, shop.valkey

    def power() -> None:
        cluster.cut_power()
        cluster.start()

    def forget() -> None:
        redis.lose_everything()

    def away() -> None:
        redis.stop()
        threading.Event().wait(REDIS_IS_AWAY_SECONDS)
        redis.start()

    killed = {part: lambda part=part: shop.kill(part) for part in (*shop.parts, "nginx")}
    return {**killed, "power": power, "redis forgets": forget, "redis away": away}


class Breaking:
    """Breaks one thing after the other while a thread lives, none before the last is well again.

    In the main thread: what it starts again would end with the thread that did so.
    """

    def __init__(self, shop: Topology, seed: int) -> None:
        self.done: list[str] = []
        self._shop = shop
        self._faults = faults(shop)
        self._random = random.Random(seed)  # noqa: S311  the same faults for the same seed

    def beside(self, thread: threading.Thread) -> None:
        thread.start()
        thread.join(FAULT_EVERY_SECONDS)
        while thread.is_alive():
            name = self._random.choice(sorted(self._faults))
            print(f"{datetime.now(UTC):%H:%M:%S} {name}", flush=True)  # noqa: T201
            next_at = time.monotonic() + FAULT_EVERY_SECONDS
            self._faults[name]()
            self.done.append(name)
            # a machine that has much else to do takes longer
            eventually(self._shop.are_well, seconds=PATIENCE_SECONDS)
            thread.join(max(0, next_at - time.monotonic()))


class Agent(threading.Thread):
    """Asks over MCP, once a second; opens a session anew when it has gone."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self.answered = 0
        self._address = f"{address}/mcp"
        self._is_over = threading.Event()

    def run(self) -> None:
        session = ""
        with httpx.Client(timeout=20, verify=TLS, headers=LEGACY) as http:
            while not self._is_over.wait(1):
                try:
                    session = session or self._open(http)
                    session = self._ask(http, session)
                except httpx.TransportError:
                    session = ""

    def stop(self) -> None:
        self._is_over.set()
        self.join()

    def _open(self, http: httpx.Client) -> str:
        opened = http.post(self._address, json=_message("initialize", INITIALIZE))
        return str(opened.headers.get("mcp-session-id", ""))

    def _ask(self, http: httpx.Client, session: str) -> str:
        """The session to go on with; none if it has gone, or the shop cannot answer now."""
        params = {"name": "search_products", "arguments": {"query": "coffee"}}
        found = http.post(
            self._address, json=_message("tools/call", params), headers={"mcp-session-id": session}
        )
        if found.status_code != 200 or "structuredContent" not in found.text:
            return ""
        self.answered += 1
        return session


class Subscribing(threading.Thread):
    """Has a program told of every fifth order."""

    def __init__(self, shop: Topology, crowd: Crowd, receiver: Receiver) -> None:
        super().__init__(daemon=True)
        self.followed: list[Customer] = []
        self._shop, self._crowd, self._receiver = shop, crowd, receiver
        self._is_over = threading.Event()

    def run(self) -> None:
        while not self._is_over.wait(1):
            new = [
                customer
                for customer in self._crowd.customers[::5]
                if customer.ticket and customer not in self.followed and len(customer.events) == 1
            ]
            for customer in new:
                self._register(customer)

    def stop(self) -> None:
        self._is_over.set()
        self.join()

    def _register(self, customer: Customer) -> None:
        try:
            register(self._shop, customer, self._receiver)
        except (AssertionError, httpx.TransportError):
            # the shop cannot take it now; the next second is another try
            return
        self.followed.append(customer)


def _message(method: str, params: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": "1", "method": method, "params": params}


def test_nothing_is_lost_whatever_breaks_for_minutes(shop: Topology) -> None:
    print(f"\nseed {SEED}, {SECONDS} s", flush=True)  # noqa: T201
    crowd = Crowd(shop.address, pause_seconds=ORDER_SECONDS / STREAMS, things=THINGS)
    load = Load(shop, crowd, first_line=0)
    port = int(shop.environment["MUSEO_WEBHOOK_ALLOW"].rpartition(":")[2])
    readers = Readers(shop.address, count=READERS, pause_seconds=READER_PAUSE_SECONDS)
    with Receiver(port).listening() as receiver, readers.reading():
        breaking = Breaking(shop, SEED)
        agent, subscribing = Agent(shop.address), Subscribing(shop, crowd, receiver)
        agent.start()
        subscribing.start()
        opening = partial(crowd.open, seconds=SECONDS, patience=PATIENCE_SECONDS)
        breaking.beside(threading.Thread(target=opening, daemon=True))
        agent.stop()
        subscribing.stop()
        for part in shop.parts:
            eventually(partial(shop.is_well, part), seconds=PATIENCE_SECONDS)
        crowd.wait(seconds=PATIENCE_SECONDS)

        def told_of_all() -> bool:
            return all(
                {2, 3, 4, 5} - set(receiver.versions(customer.number)) == set()
                for customer in subscribing.followed
            )

        eventually(told_of_all, seconds=PATIENCE_SECONDS)

    said = load.failed()
    print(  # noqa: T201
        f"{len(load.asked())} requests, {len(crowd.customers)} orders, {agent.answered} answers"
        f" over MCP, {len(subscribing.followed)} orders told by webhook;"
        f" faults: {breaking.done}; {len(said)} answers of 5xx"
    )
    assert len(breaking.done) >= SECONDS // (4 * FAULT_EVERY_SECONDS)
    load.is_whole()
    # it was answered between faults
    assert agent.answered > len(breaking.done)
    assert subscribing.followed
    assert {line["metadata"]["status"] for line in load.asked()} & {500, 502, 504} == set()
    shop.audit()
