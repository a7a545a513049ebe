"""Orders that move, told to clients of both eras over a real server and a real Valkey."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from django.utils import timezone
from mcp.client.client import Client
from mcp.client.subscriptions import ResourceUpdated, SubscriptionLost
from mcp.shared.exceptions import MCPError
from mcp_types import ResourceUpdatedNotification

from catalog.models import Variant
from mcp_bridge import asgi, push
from museo.access import accounts, grants
from museo.access.callers import Caller
from notifications.live.hub import in_thread
from tests.mcp_bridge.conftest import Connect, advance, buy, call
from tests.mcp_bridge.raw import raw
from tests.mcp_bridge.serving import serve
from tests.processes import until

STEPS = [
    (2, "confirmed"),
    (4, "preparing"),
    (8, "out_for_delivery"),
    (12, "delivered"),
]
Updates = asyncio.Queue[str]
# what the client says of the older era, which is tested here on purpose
pytestmark = pytest.mark.filterwarnings("ignore:resources/(un)?subscribe is removed")


@asynccontextmanager
async def legacy_client(address: str) -> AsyncIterator[tuple[Client, Updates]]:
    """A client with a session, and the addresses of the resources it is told of."""
    updates: Updates = asyncio.Queue()

    async def hear(message: Any) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            updates.put_nowait(str(message.params.uri))

    async with Client(
        address, mode="legacy", message_handler=hear, read_timeout_seconds=60
    ) as client:
        yield client, updates


def modern_client(address: str, **options: Any) -> Client:
    return Client(address, read_timeout_seconds=60, **options)


async def test_each_step_is_pushed_to_a_listening_client(phone: Variant, address: str) -> None:
    async with modern_client(address) as client:
        assert client.protocol_version == "2026-07-28"
        order = await buy(client)
        mine = {"order_id": order["number"], "ticket": order["ticket"]}

        async with client.listen(resource_subscriptions=[order["uri"]]) as updates:
            for minutes, status in STEPS:
                await advance(order, minutes=minutes)
                async with asyncio.timeout(1):
                    update = await anext(updates)
                assert update == ResourceUpdated(order["uri"])
                assert (await call(client, "track_order", **mine))["status"] == status


async def test_each_step_is_pushed_to_a_session_that_bought(phone: Variant, address: str) -> None:
    async with legacy_client(address) as (client, updates):
        assert client.protocol_version == "2025-11-25"
        order = await buy(client)
        assert order["delivery"] == "session"
        mine = {"order_id": order["number"], "ticket": order["ticket"]}

        for minutes, status in STEPS:
            await advance(order, minutes=minutes)
            async with asyncio.timeout(1):
                assert await updates.get() == order["uri"]
            assert (await call(client, "track_order", **mine))["status"] == status


async def test_a_session_subscribes_and_unsubscribes(phone: Variant, address: str) -> None:
    async with modern_client(address) as buyer, legacy_client(address) as (client, updates):
        first, second = await buy(buyer), await buy(buyer)
        await client.subscribe_resource(first["uri"])
        await client.subscribe_resource(second["uri"])
        await client.unsubscribe_resource(first["uri"])

        # one tick moves both
        await advance(second, minutes=2)
        async with asyncio.timeout(60):
            told = await updates.get()

        await client.unsubscribe_resource(second["uri"])
    assert told == second["uri"]
    assert updates.empty()


async def test_a_listener_of_somebody_elses_order_hears_nothing(
    phone: Variant, address: str
) -> None:
    async with modern_client(address) as client:
        theirs, mine = await buy(client), await buy(client)
        foreign = f"museo://orders/{theirs['number']}"
        guessed = f"{foreign}?ticket=guessed"

        async with client.listen(
            resource_subscriptions=[foreign, guessed, "museo://orders/ORD-NONE", mine["uri"]]
        ) as updates:
            await advance(mine, minutes=2)
            async with asyncio.timeout(60):
                update = await anext(updates)

        assert updates.honored.resource_subscriptions == [mine["uri"]]
        assert update == ResourceUpdated(mine["uri"])


async def test_without_the_filter_a_listener_would_hear_of_every_order(
    phone: Variant, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin of the test above: the SDK itself honours whatever is asked."""

    async def honour_all(_caller: Caller, uris: list[str]) -> dict[str, set[str]]:
        return {f"order.{uri.rpartition('/')[2]}": {uri} for uri in uris}

    monkeypatch.setattr(push, "readable", honour_all)
    async with modern_client(address) as client:
        theirs = await buy(client)
        foreign = f"museo://orders/{theirs['number']}"

        async with client.listen(resource_subscriptions=[foreign]) as updates:
            await advance(theirs, minutes=2)
            async with asyncio.timeout(60):
                update = await anext(updates)

    assert update == ResourceUpdated(foreign)


async def test_a_session_may_not_subscribe_to_somebody_elses_order(
    phone: Variant, address: str
) -> None:
    async with modern_client(address) as buyer:
        theirs = await buy(buyer)
    async with legacy_client(address) as (client, updates):
        for uri in (
            f"museo://orders/{theirs['number']}",
            f"museo://orders/{theirs['number']}?ticket=guessed",
        ):
            with pytest.raises(MCPError) as caught:
                await client.subscribe_resource(uri)
            assert caught.value.error.code == -32602
        await advance(theirs, minutes=2)
        # the answer comes after whatever was pushed before it
        await call(client, "track_order", order_id=theirs["number"], ticket=theirs["ticket"])

    assert updates.empty()


async def test_waiting_tells_every_step_as_progress_until_the_order_has_arrived(
    phone: Variant, address: str, era: str
) -> None:
    told: asyncio.Queue[tuple[float, float | None, str | None]] = asyncio.Queue()

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.put_nowait((progress, total, message))

    async with Client(address, mode=era, read_timeout_seconds=60) as client:
        order = await buy(client)
        waiting = asyncio.create_task(
            client.call_tool(
                "track_order",
                {"order_id": order["number"], "ticket": order["ticket"], "wait_seconds": 60},
                progress_callback=hear,
            )
        )
        async with asyncio.timeout(60):
            heard = [await told.get()]
            for minutes, _status in STEPS:
                await advance(order, minutes=minutes)
                heard.append(await told.get())
            track = (await waiting).structured_content

    assert [(done, total) for done, total, _message in heard] == [
        (0, 4),
        (1, 4),
        (2, 4),
        (3, 4),
        (4, 4),
    ]
    assert str(heard[1][2]).startswith("🔔 Your order has been confirmed!")
    assert track["status"] == "delivered"


async def test_waiting_ends_when_the_time_is_over(phone: Variant, connect: Connect) -> None:
    async with connect() as client:
        order = await buy(client)
        mine = {"order_id": order["number"], "ticket": order["ticket"]}

        async with asyncio.timeout(60):
            track = await call(client, "track_order", **mine, wait_seconds=1)

    assert track["status"] == "placed"


async def test_a_session_that_opens_its_stream_again_is_told_to_look(
    phone: Variant, address: str
) -> None:
    """Nothing is replayed on a session's stream, so what it missed is said anew."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(raw(address))
        session = await http.initialize()
        order = await http.buy(session)
        await advance(order, minutes=2)

        async with http.stream(session) as lines:
            async with asyncio.timeout(60):
                first = await anext(lines)
            await advance(order, minutes=4)
            async with asyncio.timeout(60):
                second = await anext(lines)

    assert first["method"] == second["method"] == "notifications/resources/updated"
    assert first["params"]["uri"] == second["params"]["uri"] == order["uri"]


async def test_who_is_signed_in_goes_on_in_a_new_session_without_a_word(
    phone: Variant, address: str
) -> None:
    now = timezone.now()
    scopes = ("shop:read", "basket:write", "checkout:write")
    keys = await in_thread(accounts.create)(name="agent", scopes=scopes, now=now)
    granted = await in_thread(grants.give)(keys.account, now=now)
    who = {"authorization": f"Bearer {granted.access_token}"}
    async with raw(address) as http:
        order = await http.buy(await http.initialize(**who))
        # as when the process is started again
        await asgi.shutdown()
        async with http.stream(await http.initialize(**who)) as lines, asyncio.timeout(60):
            update = await anext(lines)

    assert update["params"]["uri"] == order["uri"]


async def test_a_session_follows_a_limited_number(
    phone: Variant, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "MOST_URIS", 1)
    async with legacy_client(address) as (client, _updates):
        await buy(client)
        second = await buy(client)

        with pytest.raises(MCPError) as caught:
            await client.subscribe_resource(second["uri"])

    assert (caught.value.error.code, second["status"]) == (-32000, "placed")


async def test_an_ended_session_is_forgotten(phone: Variant, address: str) -> None:
    async with legacy_client(address) as (client, _updates):
        await buy(client)
        assert push.counts()["sessions"] == 1

    await until(lambda: push.counts()["sessions"] == 0)


async def test_a_listener_that_leaves_is_forgotten(phone: Variant, address: str) -> None:
    async with modern_client(address) as client:
        order = await buy(client)
        async with client.listen(resource_subscriptions=[order["uri"]]):
            counted = await call(client, "connection_status")

        await until(lambda: push.counts()["listen_streams"] == 0)
    assert counted["listen_streams"] == counted["active_connections"] == 1
    assert counted["sse_enabled"] is True
    assert counted["endpoint"].endswith("/mcp")


async def test_open_streams_do_not_hold_up_the_end(
    phone: Variant, woken: None, hub_ends: None, caplog: pytest.LogCaptureFixture
) -> None:
    async with AsyncExitStack() as clients:
        async with AsyncExitStack() as stack:
            address = await stack.enter_async_context(serve())
            client = await clients.enter_async_context(modern_client(address))
            order = await buy(client)
            wanted = client.listen(resource_subscriptions=[order["uri"]])
            updates = await clients.enter_async_context(wanted)
            session, _updates = await clients.enter_async_context(legacy_client(address))
            await session.subscribe_resource(order["uri"])

            async with asyncio.timeout(1.5):
                await stack.aclose()

        with pytest.raises((SubscriptionLost, StopAsyncIteration)):
            async with asyncio.timeout(60):
                await anext(updates)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
