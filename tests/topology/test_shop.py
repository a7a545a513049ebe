"""The shop of deploy/, through its nginx: bought, followed, asked and talked to."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from typing import Any

import httpx
import pytest
from mcp.client.client import Client
from websockets.sync.client import connect

from tests.mcp_bridge.raw import INITIALIZE, Raw
from tests.mcp_bridge.test_push import legacy_client, modern_client
from tests.processes import TLS
from tests.topology.running import Topology
from tests.whole.test_mcp import buy_what_is_found, read
from tests.whole.test_rest_and_sse import STEPS, buy_iphone, follow

# without a test that says so there is no database of the tests to copy
pytestmark = pytest.mark.django_db
PATIENT = 60
HEALTHY = {
    "status": "ok",
    "database": "ok",
    "clock": "ok",
    "work": "ok",
    "redis": "ok",
    "push": "ok",
    "readers": "ok",
    "disk": "ok",
}


@pytest.fixture
def http(deployed_shop: Topology) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=deployed_shop.address, timeout=PATIENT, verify=TLS) as client:
        yield client


@pytest.fixture
def api(deployed_shop: Topology) -> Iterator[httpx.Client]:
    at = f"{deployed_shop.address}/api/v1"
    with httpx.Client(base_url=at, timeout=PATIENT, verify=TLS) as client:
        yield client


def test_what_is_bought_is_followed_to_its_end_and_resumed(api: httpx.Client) -> None:
    order = buy_iphone(api)

    connected, *events = follow(api, order)
    rest = follow(api, order, after=events[1]["cursor"])[1:]

    assert connected["orderId"] == order["number"]
    assert [event["data"]["status"] for event in events] == STEPS
    assert [event["version"] for event in events] == [1, 2, 3, 4, 5]
    assert [event["id"] for event in rest] == [event["id"] for event in events[2:]]


def test_a_session_is_answered_whichever_process_is_asked(deployed_shop: Topology) -> None:
    """nginx gives each call to the live process that has fewer, and so to one after the other.

    It comes before other tests of MCP: what each process loads for its first client takes a while.
    """
    before = len(deployed_shop.asked())

    async def ask() -> list[bool]:
        async with httpx.AsyncClient(timeout=PATIENT, verify=TLS) as client:
            raw = Raw(client, f"{deployed_shop.orchestrator}/mcp")
            session = await raw.initialize()
            told = [await raw.ask("tools/list", {}, **session) for _ in range(4)]
            return ["search_products" in json.dumps(tools) for tools in told]

    assert asyncio.run(ask()) == [True] * 4
    assert {line["metadata"]["server"] for line in deployed_shop.asked(after=before)} == {
        f"127.0.0.1:{deployed_shop.ports[name]}" for name in deployed_shop.of("live")
    }


def test_an_order_is_placed_and_told_over_mcp_in_both_eras(deployed_shop: Topology) -> None:
    address = f"{deployed_shop.orchestrator}/mcp"

    async def both() -> list[tuple[str, int]]:
        return list(await asyncio.gather(told_of_listening(address), told_in_a_session(address)))

    assert asyncio.run(both()) == [("delivered", len(STEPS))] * 2


async def told_of_listening(address: str) -> tuple[str, int]:
    async with modern_client(address) as client:
        order = await buy_what_is_found(client, "iPhone 15")
        async with client.listen(resource_subscriptions=[order["uri"]]) as updates:
            return await last_told(client, order["uri"], lambda: anext(updates))


async def told_in_a_session(address: str) -> tuple[str, int]:
    async with legacy_client(address) as (client, updates):
        order = await buy_what_is_found(client, "iPhone 15")
        return await last_told(client, order["uri"], updates.get)


async def last_told(
    client: Client, uri: str, update: Callable[[], Awaitable[object]]
) -> tuple[str, int]:
    """How the order stands when nothing more is to be told of it; it is asked when told."""
    async with asyncio.timeout(60):
        while True:
            await update()
            status, version = await read(client, uri)
            if status == STEPS[-1]:
                return status, version


@pytest.mark.parametrize("path", ["/ws/mcp", "/"])
def test_sockets_are_live_at_every_address(deployed_shop: Topology, path: str) -> None:
    address = deployed_shop.orchestrator.replace("http", "ws")
    params = {"name": "search_products", "arguments": {"query": "iPhone 15", "locale": "en"}}

    with connect(f"{address}{path}", open_timeout=PATIENT) as socket:
        ask(socket, "initialize", INITIALIZE)
        answer = ask(socket, "tools/call", params)

    assert "iPhone 15" in json.dumps(answer["structuredContent"])


def ask(socket: Any, method: str, params: Any) -> Any:
    socket.send(json.dumps({"jsonrpc": "2.0", "id": method, "method": method, "params": params}))
    return json.loads(socket.recv(timeout=PATIENT))["result"]


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "message", "clientType": "web-storefront"},
        # as the web admin's client has it
        {"clientType": "web-admin", "metadata": {"timestamp": "2026-11-20T20:10:00.000Z"}},
    ],
    ids=["storefront", "admin"],
)
def test_the_orchestrators_port_is_well_and_talks(
    deployed_shop: Topology, frame: dict[str, Any]
) -> None:
    """Where its clients look for it: `/health`, and at `/` a socket for what people say."""
    said = {"userId": "user123", "message": "Do you have iPhone 15?", "locale": "en"}

    health = httpx.get(f"{deployed_shop.orchestrator}/health", timeout=PATIENT, verify=TLS)
    at = f"{deployed_shop.orchestrator.replace('http', 'ws')}/"
    with connect(at, open_timeout=PATIENT) as socket:
        socket.send(json.dumps({**frame, **said}))
        told = list(_until_answered(socket))

    assert (health.status_code, health.json()["status"]) == (200, "ok")
    assert "process_start" in [each["type"] for each in told]
    assert told[-1]["message"]
    assert "iPhone 15" in json.dumps(told[-1]["data"])
    assert told[-1]["metadata"]["client_type"] == frame["clientType"]


def _until_answered(socket: Any) -> Iterator[dict[str, Any]]:
    """What the socket tells; the last is the answer."""
    while True:
        told = json.loads(socket.recv(timeout=PATIENT))
        yield told
        if told["type"] == "response":
            return


def test_the_event_socket_tells_of_an_order(deployed_shop: Topology, api: httpx.Client) -> None:
    order = buy_iphone(api)
    address = deployed_shop.address.replace("http", "ws")

    at = f"{address}/ws/events/?ticket={order['ticket']}"
    with connect(at, open_timeout=PATIENT) as socket:
        first = json.loads(socket.recv(timeout=PATIENT))
        topics = [f"order.{order['number']}"]
        socket.send(json.dumps({"action": "subscribe", "topics": topics, "after": "0"}))
        told = list(islice(_events(socket), len(STEPS)))

    assert first[0]["type"] == "connected"
    assert [event["data"]["status"] for event in told] == STEPS


def _events(socket: Any) -> Iterator[dict[str, Any]]:
    while True:
        for event in json.loads(socket.recv(timeout=PATIENT)):
            if event["type"].startswith("order."):
                yield event


def test_every_part_is_well(deployed_shop: Topology) -> None:
    assert deployed_shop.health() == HEALTHY
    assert {name.rpartition("-")[0] for name in deployed_shop.parts} == {
        "web",
        "live",
        "clock",
        "work",
    }
    assert len(deployed_shop.parts) == 8


def test_pages_come_from_web_and_streams_from_live(
    deployed_shop: Topology, http: httpx.Client
) -> None:
    marks = {"/": "web", "/admin/login/": "web", "/static/css/base.css": "web"}
    marks |= {"/api/v1/catalog/products": "web", "/api/v1/events": "live", "/mcp": "live"}
    for path in marks:
        http.get(path, headers={"X-Correlation-ID": _named(path)})

    asked = {line["correlationId"]: line["metadata"]["server"] for line in deployed_shop.asked()}
    for path, service in marks.items():
        port = int(asked[_named(path)].rpartition(":")[2])
        assert port in {deployed_shop.ports[name] for name in deployed_shop.of(service)}


def _named(path: str) -> str:
    return f"asked{path.replace('/', '-').replace('.', '-')}"


def test_tickets_are_not_in_the_log(deployed_shop: Topology, http: httpx.Client) -> None:
    http.get("/t/very-secret-ticket")
    http.get("/api/v1/orders/ORD-NOWHERE1/track", params={"ticket": "very-secret-ticket"})
    http.get("/api/v1/payment/links/very-secret-ticket")

    written = [deployed_shop.access_log, *deployed_shop.logs.iterdir()]
    assert "/t/***" in deployed_shop.access_log.read_text()
    assert not [file.name for file in written if "very-secret-ticket" in file.read_text()]
