"""An older copy of the database is put back under clients that have seen more."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.clients.orders import Bought, Desk, desk
from tests.processes import eventually
from tests.shops import open_shop


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    home = tmp_path_factory.mktemp("shop")
    with open_shop(home, speed=1) as opened, desk(opened) as at:
        yield at


def copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


class Client:
    """Comes back with a cursor in each of the ways there are; `types` of what is heard first."""

    def __init__(self, at: Desk, order: Bought, cursor: str) -> None:
        self.query = {"ticket": order.ticket, "after": cursor}
        self.address = f"{at.shop.address}/api/v1/orders/{order.number}/events"
        self.socket = at.shop.address.replace("http", "ws") + "/ws/events/"
        self.topic = order.topic

    def stream(self) -> str:
        """Come back, too, when the hub ends its streams at this moment."""
        headers = {"Accept": "text/event-stream"}
        while True:
            with httpx.stream("GET", self.address, params=self.query, headers=headers) as answer:
                lines = (line for line in answer.iter_lines() if line.startswith("data: "))
                if second := next(islice(lines, 1, None), None):
                    return str(json.loads(second[6:])["type"])

    def page(self, **more: str) -> str:
        answer = httpx.get(self.address, params={**self.query, **more}, timeout=60).json()
        return str(answer.get("type", "events"))

    def waiting_page(self) -> str:
        return self.page(wait="5")

    def web_socket(self) -> str:
        with connect(f"{self.socket}?ticket={self.query['ticket']}") as socket:
            socket.recv(timeout=60)
            frame = {"action": "subscribe", "topics": [self.topic], "after": self.query["after"]}
            socket.send(json.dumps(frame))
            return str(json.loads(socket.recv(timeout=60))[0]["type"])

    @property
    def ways(self) -> list[Callable[[], str]]:
        return [self.stream, self.page, self.waiting_page, self.web_socket]


def test_a_client_that_has_seen_more_starts_anew_and_none_misses_in_silence(
    at: Desk, tmp_path: Path
) -> None:
    database = at.shop.home / "museo.sqlite3"
    order = at.buy()
    at.advance(order, "confirmed")
    copy(database, tmp_path / "older")
    at.advance(order, "preparing")
    newest = page(at, order)["next"]
    with httpx.stream(
        "GET",
        f"{at.shop.address}/api/v1/orders/{order.number}/events",
        params={"ticket": order.ticket, "after": newest},
        headers={"Accept": "text/event-stream"},
        timeout=60,
    ) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("retry")
        copy(tmp_path / "older", database)
        # the hub has seen that the log is shorter, and sends its clients back
        assert any(line.startswith("retry") for line in lines)

    client = Client(at, order, newest)
    assert [way() for way in client.ways] == ["reset"] * 4
    assert page(at, order)["events"][-1]["data"]["status"] == "confirmed"

    # the log grows beyond what the client has: only its new name tells them apart
    at.advance(order, "preparing", "out_for_delivery")
    assert client.page() != "reset"
    at.begin_log_anew()
    # a hub looks at the log every second; whom it has served meanwhile it then sends back
    eventually(lambda: client.stream() == "reset", seconds=60)
    assert [way() for way in client.ways] == ["reset"] * 4


def page(at: Desk, order: Bought) -> dict[str, Any]:
    address = f"{at.shop.address}/api/v1/orders/{order.number}/events"
    found: dict[str, Any] = httpx.get(address, params={"ticket": order.ticket}).json()
    return found
