"""A guest buys an iPhone 15 over REST and is told of every step over SSE, by the real clock."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.orders.conftest import PURCHASE
from tests.shops import Shop

STEPS = ["placed", "confirmed", "preparing", "out_for_delivery", "delivered"]


@pytest.fixture
def api(shop: Shop) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{shop.address}/api/v1", timeout=60) as client:
        yield client


def buy_iphone(api: httpx.Client) -> dict[str, Any]:
    found = api.get("/catalog/products", params={"q": "iPhone 15"}).json()["results"][0]
    assert found["name"].startswith("iPhone 15")
    basket = api.post("/basket/items", json={"sku": found["default_sku"], "quantity": 1})
    bought = api.post(
        "/orders/checkout",
        json=PURCHASE,
        headers={
            "X-Basket-Token": basket.json()["token"],
            "Idempotency-Key": str(uuid4()),
        },
    )
    assert bought.status_code == 201, bought.text
    order: dict[str, Any] = bought.json()
    return order


def follow(api: httpx.Client, order: dict[str, Any], after: str = "") -> list[dict[str, Any]]:
    """The messages of the order's stream up to `order.delivered`, each with its `id`."""
    messages, cursor, name = [], "", ""
    with api.stream(
        "GET",
        f"/orders/{order['number']}/events",
        params={"after": after} if after else {},
        headers={"Accept": "text/event-stream", "Authorization": f"Ticket {order['ticket']}"},
    ) as stream:
        assert stream.status_code == 200, stream.read()
        for line in stream.iter_lines():
            field, _, value = line.partition(": ")
            if field == "id":
                cursor = value
            elif field == "event":
                name = value
            elif field == "data" and not name:
                messages.append({**json.loads(value), "cursor": cursor})
            elif not line:
                name = ""
            if messages and messages[-1]["type"] == "order.delivered":
                return messages
    raise AssertionError("the stream ended before the order was delivered")


def test_the_stream_brings_every_step_once_and_a_second_client_gets_the_rest(
    api: httpx.Client,
) -> None:
    order = buy_iphone(api)

    connected, *events = follow(api, order)

    assert (connected["type"], connected["orderId"]) == ("connected", order["number"])
    assert connected["snapshot"]["order_id"] == order["number"]
    assert [event["type"] for event in events] == [f"order.{step}" for step in STEPS]
    assert [event["version"] for event in events] == [1, 2, 3, 4, 5]
    positions = [event["position"] for event in events]
    assert positions == sorted(set(positions))
    assert [event["data"]["status"] for event in events] == STEPS

    for given, rest in enumerate(range(1, 5)):
        second = follow(api, order, after=events[given]["cursor"])[1:]
        assert [event["id"] for event in second] == [event["id"] for event in events[rest:]]
        bare = follow(api, order, after=str(events[given]["position"]))[1:]
        assert bare == second


def test_the_json_page_holds_the_same_events_as_the_stream(api: httpx.Client) -> None:
    order = buy_iphone(api)
    streamed = follow(api, order)[1:]

    page = api.get(
        f"/orders/{order['number']}/events",
        headers={"Accept": "application/json", "Authorization": f"Ticket {order['ticket']}"},
    ).json()

    assert page["events"] == [
        {name: value for name, value in event.items() if name != "cursor"} for event in streamed
    ]


def test_health_says_that_the_clock_ticks(shop: Shop) -> None:
    assert httpx.get(f"{shop.address}/readyz", timeout=60).status_code == 200
