"""Processes die at random while customers buy: every order's every step reaches its customer once.

The seed is printed. In the long form it takes five minutes for each database.
"""

import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from tests import services
from tests.faults.customers import LAST, Crowd, Customer
from tests.ops.running import NAMES
from tests.processes import TLS, eventually
from tests.shops import ROOT, Shop, open_shop

STEPS = ["order.placed", "order.confirmed", "order.preparing", "order.out_for_delivery", LAST]
PATIENCE_SECONDS = 60
# how long the shop is left alone between two kills
QUIET_SECONDS = (1.0, 3.0)


@pytest.fixture
def seconds(request: pytest.FixtureRequest) -> float:
    return 300 if request.config.getoption("--long") else 20


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(tmp_path_factory.mktemp("shop"), speed=120) as opened:
        yield opened


def kill(shop: Shop, words: str) -> None:
    """With -9, if it is there just now."""
    for child in psutil.Process(shop.supervisor.pid).children():
        if words in " ".join(_words(child)):
            child.kill()


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


class Chaos(threading.Thread):
    """Chooses what breaks next until it is told to stop."""

    def __init__(self, faults: dict[str, Callable[[], None]], seed: int) -> None:
        super().__init__(daemon=True)
        self.faults = faults
        self.done: list[str] = []
        self._random = random.Random(seed)  # noqa: S311  the same faults for the same seed
        self._is_over = threading.Event()

    def run(self) -> None:
        while not self._is_over.wait(self._random.uniform(*QUIET_SECONDS)):
            name = self._random.choice(sorted(self.faults))
            self.faults[name]()
            self.done.append(name)

    def stop(self) -> None:
        self._is_over.set()
        self.join()


def test_every_step_of_every_order_arrives_once_whatever_dies(shop: Shop, seconds: float) -> None:
    suffer(shop, kills(shop), seconds)
    audit(shop)


@pytest.mark.long
def test_the_same_on_postgresql_that_loses_its_power_too(tmp_path: Path, seconds: float) -> None:
    programs = services.find_postgresql()
    assert programs, "this test needs PostgreSQL"
    # one that forgets its last commits, as that of the other tests does, breaks every promise
    with services.cluster(programs, settings=()) as cluster, ExitStack() as stack:

        def cut_power() -> None:
            cluster.cut_power()
            cluster.start()

        shop = stack.enter_context(
            open_shop(tmp_path / "home", speed=120, DATABASE_URL=cluster.url)
        )
        suffer(shop, {**kills(shop), "power": cut_power}, seconds)
        audit(shop, DATABASE_URL=cluster.url)


def audit(shop: Shop, **environment: str) -> None:
    """As a person would, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "manage.py", "audit"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": "", "MUSEO_HOME": str(shop.home), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def kills(shop: Shop) -> dict[str, Callable[[], None]]:
    words = {name: word for word, name in NAMES.items()} | {"work": "worker work"}
    return {name: lambda word=word: kill(shop, word) for name, word in words.items()}  # type: ignore[misc]


def suffer(shop: Shop, faults: dict[str, Callable[[], None]], seconds: float) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"\nseed {seed}", flush=True)  # noqa: T201
    chaos, crowd = Chaos(faults, seed), Crowd(shop.address, pause_seconds=1)
    chaos.start()
    crowd.open(seconds=seconds, patience=PATIENCE_SECONDS)
    chaos.stop()
    eventually(shop.is_healthy)
    crowd.wait(seconds=PATIENCE_SECONDS)

    print(f"{len(crowd.customers)} orders, faults: {sorted(chaos.done)}")  # noqa: T201
    assert len(chaos.done) >= seconds / 5
    wrong = {
        customer.number: customer.versions
        for customer in crowd.customers
        if customer.versions != [1, 2, 3, 4, 5]
    }
    assert not wrong
    assert len({customer.number for customer in crowd.customers}) == len(crowd.customers)
    for customer in crowd.customers:
        assert [event["type"] for event in customer.events] == STEPS
        assert customer.resets == 0


def test_who_keeps_the_cursor_misses_nothing_of_a_live_process_that_dies(shop: Shop) -> None:
    """The twin comes back without it and never hears of what happened meanwhile."""
    crowd = Crowd(shop.address, pause_seconds=0)
    keeper = crowd.add(patience=40)
    twin = crowd.add(patience=40, keeps_cursor=False)
    eventually(lambda: keeper.connections > 0 and twin.connections > 0)
    for _ in range(3):
        kill(shop, "museo.asgi")
        eventually(shop.is_healthy)
    eventually(lambda: is_delivered(shop, keeper) and is_delivered(shop, twin), seconds=120)

    eventually(lambda: keeper.versions == [1, 2, 3, 4, 5], seconds=120)
    assert twin.versions != [1, 2, 3, 4, 5]


def is_delivered(shop: Shop, customer: Customer) -> bool:
    track = f"{shop.address}/api/v1/orders/{customer.number}/track"
    answer = httpx.get(track, params={"ticket": customer.ticket}, timeout=20, verify=TLS)
    return bool(answer.json()["status"] == "delivered")
