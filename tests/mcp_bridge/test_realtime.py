"""Being told as it happens, over the whole application: by many, at once, and completely.

What each real-time tool and resource does alone is in test_subscriptions, test_history,
test_resources and test_push; the WebSocket is in tests/notifications.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from mcp.client.client import Client
from mcp.client.subscriptions import ResourceUpdated
from websockets.asyncio.client import connect as open_socket

from catalog.models import Variant
from mcp_bridge import push
from tests.mcp_bridge.conftest import Connect, advance, buy, call, said
from tests.mcp_bridge.test_push import STEPS, legacy_client, modern_client
from tests.notifications.conftest import serving
from tests.processes import until

pytestmark = pytest.mark.filterwarnings("ignore:resources/(un)?subscribe is removed")
FEW, MANY = 8, 100


@pytest.fixture
async def shop(woken: None, hub_ends: None) -> AsyncIterator[str]:
    """The whole application, with its sockets."""
    async with serving() as address:
        yield address


async def feed_of(client: Client, order: dict[str, Any]) -> dict[str, Any]:
    uri = f"museo://live-feed?topics=order.{order['number']}&ticket={order['ticket']}"
    found: dict[str, Any] = json.loads(said((await client.read_resource(uri)).contents))
    return found


async def test_the_live_feeds_socket_opens_with_its_ticket_and_tells_on(
    phone: Variant, shop: str
) -> None:
    async with modern_client(f"{shop}/mcp") as client:
        order = await buy(client)
        feed = await feed_of(client, order)
    topic = f"order.{order['number']}"
    # where the shop says that it is, and where it is in this test
    public = feed["websocket_url"].partition("/ws/")
    address = f"{shop.replace('http', 'ws', 1)}/ws/{public[2]}"

    async with asyncio.timeout(60), open_socket(address) as socket:
        wish = {"action": "subscribe", "topics": [topic], "after": feed["next"]}
        await socket.send(json.dumps(wish))
        await advance(order, minutes=2)
        heard: list[dict[str, Any]] = []
        while "order.confirmed" not in [each["type"] for each in heard]:
            heard += json.loads(await socket.recv())

    assert [event["type"] for event in feed["events"]] == ["order.placed"]
    events = [each for each in heard if each.get("topic") == topic and "version" in each]
    assert [(each["type"], each["version"]) for each in events] == [("order.confirmed", 2)]


async def test_a_step_reaches_every_listener_of_both_eras(phone: Variant, shop: str) -> None:
    await _every_listener_hears(f"{shop}/mcp", FEW)


@pytest.mark.long
async def test_a_step_reaches_a_hundred_listeners_of_both_eras(phone: Variant, shop: str) -> None:
    await _every_listener_hears(f"{shop}/mcp", MANY)


async def _every_listener_hears(address: str, number: int) -> None:
    async with AsyncExitStack() as stack:
        buyer = await stack.enter_async_context(modern_client(address))
        order = await buy(buyer)
        uri = order["uri"]
        listening = []
        for _number in range(number // 2):
            client = await stack.enter_async_context(modern_client(address))
            listening.append(
                await stack.enter_async_context(client.listen(resource_subscriptions=[uri]))
            )
        sessions = []
        for _number in range(number // 2):
            client, updates = await stack.enter_async_context(legacy_client(address))
            await client.subscribe_resource(uri)
            sessions.append(updates)
        for minutes, status in STEPS:
            await advance(order, minutes=minutes)
            async with asyncio.timeout(60):
                told = [await anext(updates) for updates in listening]
                told_in_sessions = [await updates.get() for updates in sessions]
            assert told == [ResourceUpdated(uri)] * (number // 2)
            assert told_in_sessions == [uri] * (number // 2)
            track = await call(
                buyer, "track_order", order_id=order["number"], ticket=order["ticket"]
            )
            assert track["status"] == status
        counted = await call(buyer, "get_realtime_stats")
        assert counted["listen_streams"] == number // 2

    # nothing is left of them
    await until(lambda: push.counts() == {"listen_streams": 0, "sessions": 0})


async def test_many_calls_at_once_are_all_answered(phone: Variant, connect: Connect) -> None:
    async with connect() as client:
        order = await buy(client)
        key = {"ticket": order["ticket"]}
        calls = [
            ("get_realtime_stats", {}),
            ("connection_status", {}),
            ("get_recent_events", key),
            ("replay_events", {"after": 0, **key}),
            ("subscribe_order_updates", {"order_id": order["number"], **key}),
            ("acknowledge_events", {"position": 1, **key}),
        ] * 5

        async with asyncio.timeout(60):
            answers = await asyncio.gather(
                *(call(client, name, **arguments) for name, arguments in calls)
            )

    alike: dict[str, list[dict[str, Any]]] = {}
    for (name, _arguments), answer in zip(calls, answers, strict=True):
        alike.setdefault(name, []).append(answer)
    for name in ("get_recent_events", "replay_events", "subscribe_order_updates"):
        assert all(answer == alike[name][0] for answer in alike[name])
    assert {answer["position"] for answer in alike["acknowledge_events"]} == {1}


async def test_what_is_replayed_adds_up_to_what_the_resource_shows(
    phone: Variant, connect: Connect, era: str
) -> None:
    """From any place in the log: the rest of the events, and then the state, are the same."""
    async with connect(era) as client:
        order = await buy(client)
        key = {"topics": [f"order.{order['number']}"], "ticket": order["ticket"]}
        for minutes, _status in STEPS:
            await advance(order, minutes=minutes)
        everything = (await call(client, "replay_events", after=0, **key))["events"]
        rests = [
            (await call(client, "replay_events", after=str(event["position"]), **key))["events"]
            for event in everything
        ]
        shown = json.loads(said((await client.read_resource(order["uri"])).contents))

    assert [event["version"] for event in everything] == [1, 2, 3, 4, 5]
    assert rests == [everything[number + 1 :] for number in range(5)]
    last = everything[-1]
    assert (last["version"], last["position"]) == (shown["version"], shown["position"])
    for name in ("order_id", "status", "step", "late"):
        assert last["data"][name] == shown[name]
