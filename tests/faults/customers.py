"""Customers who do not give up: they buy, follow their order, and come back after every fault."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from tests.orders.conftest import PURCHASE
from tests.processes import TLS

LAST = "order.delivered"
PAUSE_SECONDS = 0.2
# of which there is most in the demo shop
THINGS = ("FILTER-COFFEE", "MINT-TEA", "POSTCARD-SET")


@dataclass
class Customer:
    """Buys one thing and follows the order to its end; `events` as they came in."""

    address: str
    deadline: float
    sku: str = THINGS[0]
    # the twin comes back without its cursor, and asks only for what happens from now on
    keeps_cursor: bool = True
    number: str = ""
    ticket: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0
    resets: int = 0

    def run(self) -> None:
        order = self._buy()
        self.number, self.ticket = order["number"], order["ticket"]
        cursor = ""
        while time.monotonic() < self.deadline:
            with suppress(httpx.HTTPError):
                for cursor_now, event in self._stream(order, cursor):
                    cursor = cursor_now or cursor
                    if event["type"].startswith("order."):
                        self.events.append(event)
                    if event["type"] == "reset":
                        self.resets += 1
                    if event["type"] == LAST:
                        return
            time.sleep(PAUSE_SECONDS)

    @property
    def versions(self) -> list[int]:
        return [event["version"] for event in self.events]

    def _buy(self) -> dict[str, Any]:
        """Try with the same key until there is an answer: one order, however often."""
        key, basket = str(uuid4()), ""
        while time.monotonic() < self.deadline:
            with suppress(httpx.HTTPError), httpx.Client(timeout=10, verify=TLS) as http:
                basket = basket or self._basket(http)
                answer = http.post(
                    f"{self.address}/api/v1/orders/checkout",
                    json=PURCHASE,
                    headers={"X-Basket-Token": basket, "Idempotency-Key": key},
                )
                if answer.status_code == 201:
                    order: dict[str, Any] = answer.json()
                    return order
            time.sleep(PAUSE_SECONDS)
        raise TimeoutError("no order within the time")

    def _basket(self, http: httpx.Client) -> str:
        line = {"sku": self.sku, "quantity": 1}
        answer = http.post(f"{self.address}/api/v1/basket/items", json=line)
        return str(answer.raise_for_status().json()["token"])

    def _stream(self, order: dict[str, Any], cursor: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Messages with the cursor that came with each."""
        self.connections += 1
        params = {"topics": f"order.{order['number']}"}
        if self.keeps_cursor:
            params["after"] = cursor or "0"
        headers = {"Accept": "text/event-stream", "Authorization": f"Ticket {order['ticket']}"}
        # pings come every 15 s: whoever hears nothing for longer has lost the server
        timeout = httpx.Timeout(20, connect=5)
        with httpx.stream(
            "GET",
            f"{self.address}/api/v1/events",
            params=params,
            headers=headers,
            timeout=timeout,
            verify=TLS,
        ) as stream:
            stream.raise_for_status()
            id, name = "", ""
            for line in stream.iter_lines():
                field, _, value = line.partition(": ")
                if field == "id":
                    id = value
                elif field == "event":
                    name = value
                elif field == "data" and not name:
                    yield id, json.loads(value)
                elif not line:
                    id, name = "", ""


@dataclass
class Crowd:
    """New customers at a steady pace until `closing`; all are waited for.

    They come more slowly where the shop is slow: while so many wait to buy, nobody else comes.
    """

    address: str
    pause_seconds: float
    most_buying: int = 8
    things: Sequence[str] = THINGS
    customers: list[Customer] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def open(self, *, seconds: float, patience: float) -> None:
        closing = time.monotonic() + seconds
        while time.monotonic() < closing:
            if sum(not customer.number for customer in self.customers) < self.most_buying:
                patience_left = closing - time.monotonic() + patience
                self.add(
                    patience=patience_left, sku=self.things[len(self.customers) % len(self.things)]
                )
            time.sleep(self.pause_seconds)

    def add(self, *, patience: float, **options: Any) -> Customer:
        customer = Customer(self.address, time.monotonic() + patience, **options)
        thread = threading.Thread(target=customer.run, daemon=True)
        thread.start()
        self.customers.append(customer)
        self._threads.append(thread)
        return customer

    def wait(self, *, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.1, deadline - time.monotonic()))
