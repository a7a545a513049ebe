"""What can be read by its address, and that following all of one's orders takes one address."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from mcp.client.client import Client
from mcp.client.subscriptions import ResourceUpdated
from mcp.shared.exceptions import MCPError

from catalog.models import Variant
from mcp_bridge import cards
from museo.access.callers import Caller
from notifications import notices
from notifications.live.hub import in_thread
from orders import adjustments
from tests.mcp_bridge.conftest import SKU, Connect, advance, buy, call, person, program, said
from tests.mcp_bridge.test_push import legacy_client, modern_client

Speak = Callable[[Caller], None]
MINE = "museo://me/orders"
FEED = "museo://live-feed"
pytestmark = pytest.mark.filterwarnings("ignore:resources/(un)?subscribe is removed")


async def read(client: Client, uri: str) -> Any:
    return json.loads(said((await client.read_resource(uri, cache_mode="bypass")).contents))


async def broadcast() -> None:
    """Something that everybody hears."""
    sender = await program("notify:send")
    await in_thread(notices.send)(sender, message="We close at six.", now=timezone.now())


async def cancel(order: dict[str, Any]) -> None:
    holder = Caller().with_ticket(order["ticket"])
    await in_thread(adjustments.cancel)(holder, order["number"], now=timezone.now())


async def test_a_basket_and_a_product_are_read_by_their_addresses(
    phone: Variant, connect: Connect, era: str
) -> None:
    async with connect(era) as client:
        basket = await call(client, "add_to_basket", sku=SKU)

        shown = await read(client, f"museo://basket/{basket['basket_token']}")
        by_slug = await read(client, "museo://products/iphone-15")
        by_sku = await read(client, f"museo://products/{SKU}")

    assert shown == basket
    assert by_slug == by_sku
    assert by_slug["variants"][0]["sku"] == SKU


NOWHERE = [
    "museo://basket/nobodys",
    "museo://basket/",
    "museo://basket/%00",
    "museo://products/none",
    "museo://products/%ff",
    "museo://me/baskets",
    "museo://live-feed/x",
    "museo://live-feed?topics=staff.ops",
    "museo://live-feed?topics=order.ORD-NONE,staff.inbox",
    "museo://realtime-stats/x",
    "museo://user-subscriptions",
    "museo://ai-monitoring",
    "museo://nowhere",
    "museo://orders/ORD-1%2F2",
    "https://products/iphone-15",
]


async def test_what_is_not_there_or_not_theirs_cannot_be_told_apart(
    phone: Variant, connect: Connect, era: str
) -> None:
    codes = {}
    async with connect(era) as client:
        for uri in NOWHERE:
            with pytest.raises(MCPError) as caught:
                await client.read_resource(uri)
            codes[uri] = caught.value.error.code

    assert codes == dict.fromkeys(NOWHERE, -32602)


async def test_ones_orders_are_those_that_one_may_see(
    phone: Variant, connect: Connect, speak: Speak, era: str
) -> None:
    maya, noah = await person("maya@example.org"), await person("noah@example.org")
    async with connect(era) as client:
        guests = await buy(client)
        speak(maya)
        order = await buy(client)
        own = await read(client, MINE)
        speak(noah)
        others = await read(client, MINE)
        speak(await program("orders:read"))
        of_shop = await read(client, MINE)
        speak(Caller().with_ticket(guests["ticket"]))
        by_ticket = await read(client, MINE)

    numbers = [
        [each["number"] for each in told["orders"]] for told in (own, others, of_shop, by_ticket)
    ]
    assert numbers == [
        [order["number"]],
        [],
        [order["number"], guests["number"]],
        [guests["number"]],
    ]


async def test_every_step_of_any_own_order_is_told_by_one_address(
    phone: Variant, address: str, speak: Speak
) -> None:
    maya, noah = await person("maya@example.org"), await person("noah@example.org")
    async with modern_client(address) as client:
        speak(noah)
        theirs = await buy(client)
        speak(maya)
        first = await buy(client)
        async with client.listen(resource_subscriptions=[MINE]) as updates:
            # one that is placed while they listen is told of, too
            second = await buy(client)
            async with asyncio.timeout(60):
                placed = await anext(updates)
            await advance(second, minutes=2)
            async with asyncio.timeout(60):
                moved = await anext(updates)
            stand = await read(client, MINE)

        assert placed == moved == ResourceUpdated(MINE)
        assert [each["number"] for each in stand["orders"]] == [second["number"], first["number"]]
        assert theirs["number"] not in str(stand)


async def test_a_session_follows_all_of_its_orders(
    phone: Variant, address: str, speak: Speak
) -> None:
    speak(await person("maya@example.org"))
    async with legacy_client(address) as (client, updates):
        await client.subscribe_resource(MINE)
        order = await buy(client)
        await client.unsubscribe_resource(order["uri"])
        async with asyncio.timeout(60):
            told = {await updates.get()}
        while not updates.empty():
            told.add(updates.get_nowait())

    assert MINE in told


async def test_somebody_elses_orders_are_not_told(
    phone: Variant, address: str, speak: Speak
) -> None:
    maya, noah = await person("maya@example.org"), await person("noah@example.org")
    async with modern_client(address) as client, modern_client(address) as other:
        speak(noah)
        async with other.listen(resource_subscriptions=[MINE, FEED]) as updates:
            speak(maya)
            await buy(client)
            await broadcast()
            async with asyncio.timeout(60):
                first = await anext(updates)

    assert first == ResourceUpdated(FEED)


async def test_guests_without_a_ticket_follow_no_orders(phone: Variant, address: str) -> None:
    async with modern_client(address) as client, legacy_client(address) as (older, _updates):
        wanted = [MINE, "museo://realtime-stats", "museo://basket/x", FEED]
        async with client.listen(resource_subscriptions=wanted) as updates:
            pass
        with pytest.raises(MCPError) as caught:
            await older.subscribe_resource(MINE)

    assert updates.honored.resource_subscriptions == [FEED]
    assert caught.value.error.code == -32602


async def test_of_a_feed_only_those_topics_are_told_that_may_be_read(
    phone: Variant, address: str
) -> None:
    async with modern_client(address) as client:
        theirs, mine = await buy(client), await buy(client)
        both = f"order.{theirs['number']},order.{mine['number']}"
        uri = f"museo://live-feed?topics={both}&ticket={mine['ticket']}"
        async with client.listen(resource_subscriptions=[uri, FEED]) as updates:
            await cancel(theirs)
            await broadcast()
            async with asyncio.timeout(60):
                first = await anext(updates)
            await cancel(mine)
            async with asyncio.timeout(60):
                second = await anext(updates)
            feed = await read(client, uri)

    assert (first, second) == (ResourceUpdated(FEED), ResourceUpdated(uri))
    assert feed["topics"] == [f"order.{mine['number']}"]
    assert {event["topic"] for event in feed["events"]} == {f"order.{mine['number']}"}


async def test_lists_name_what_the_caller_may_ask_for(
    committed: None, connect: Connect, speak: Speak, era: str
) -> None:
    async with connect(era) as client:
        guest = await listed(client)
        speak(await person("maya@example.org"))
        maya = await listed(client)
        speak(await program("events:read"))
        reader = await listed(client)

    everybody = ["museo://me/orders", "museo://live-feed"]
    stats, mine = "museo://realtime-stats", "museo://user-subscriptions"
    shown = [cards.ORDER, cards.PRODUCTS]
    assert guest[0] == [*everybody, stats, *shown]
    assert maya[0] == [*everybody, stats, mine, *shown]
    assert reader[0] == [*everybody, "museo://ai-monitoring", *shown]
    assert (
        guest[1]
        == maya[1]
        == [
            "museo://orders/{number}",
            "museo://orders/{number}{?ticket}",
            "museo://basket/{token}",
            "museo://products/{slug}",
            "museo://live-feed{?topics,types,channels,ticket}",
        ]
    )
    assert len(reader[1]) == 3


async def listed(client: Client) -> tuple[list[str], list[str]]:
    resources = (await client.list_resources(cache_mode="bypass")).resources
    templates = (await client.list_resource_templates(cache_mode="bypass")).resource_templates
    return [str(each.uri) for each in resources], [each.uri_template for each in templates]
