"""A caller may use each tool so often, and read resources so often; writes more seldom."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import pytest
from django.conf import LazySettings
from django.utils import timezone
from mcp.shared.exceptions import MCPError

from catalog.models import Variant
from mcp_bridge import budgets, cards
from mcp_bridge.toolsets import ALL
from museo.access import limits
from museo.access.callers import Caller
from notifications.live.hub import in_thread
from orders.models import BasketLine
from tests.mcp_bridge.conftest import SKU, Connect, call, person, program, refused
from tests.mcp_bridge.test_events import ask

Speak = Callable[[Caller], None]
pytestmark = [
    pytest.mark.usefixtures("full_buckets"),
    pytest.mark.filterwarnings("ignore:resources/(un)?subscribe is removed"),
]


@pytest.fixture(autouse=True)
def _few(settings: LazySettings, full_buckets: None) -> None:
    settings.MUSEO_CALLS_PER_MINUTE = 5


async def test_each_person_has_a_bucket_for_each_tool(
    phone: Variant, connect: Connect, speak: Speak, era: str
) -> None:
    maya, noah = await person("maya@example.org"), await person("noah@example.org")
    async with connect(era) as client:
        speak(maya)
        for _time in range(5):
            await call(client, "search_products", query="")
        often = await refused(client, "search_products", query="")
        await call(client, "get_product_info", product=SKU)
        speak(noah)
        await call(client, "search_products", query="")

    assert (often["code"], often["status"]) == ("rate_limited", 429)
    assert 1 <= often["retry_after"] <= 12
    assert f"Try again in {often['retry_after']} seconds" in often["detail"]


async def test_what_changes_something_is_called_more_seldom(
    phone: Variant, connect: Connect, speak: Speak
) -> None:
    async with connect() as client:
        speak(await person("maya@example.org"))
        await call(client, "add_to_basket", sku=SKU)
        often = await refused(client, "add_to_basket", sku=SKU)

    assert (often["code"], often["retry_after"]) == ("rate_limited", 60)
    assert (await in_thread(BasketLine.objects.get)()).quantity == 1


async def test_bad_arguments_count_as_well(phone: Variant, connect: Connect, speak: Speak) -> None:
    async with connect() as client:
        speak(await person("maya@example.org"))
        bad = await refused(client, "add_to_basket")
        often = await refused(client, "add_to_basket")

    assert (bad["code"], often["code"]) == ("invalid", "rate_limited")


async def test_who_asks_for_many_people_may_more_often(committed: None) -> None:
    """A program, and the guests of one address, which may be an assistant's."""
    one = await person("maya@example.org")
    for caller, most in (
        (one, (5, 1)),
        (await program("shop:read"), (25, 5)),
        (Caller(address="192.0.2.7"), (25, 5)),
    ):
        of_tools = [ALL[name] for name in ("search_products", "add_to_basket")]
        assert tuple(budgets._most_of(tool, caller) for tool in of_tools) == most


@pytest.mark.parametrize("what", ["resource", "card", "prompt", "follow"])
async def test_what_is_no_tool_is_limited_by_the_protocols_error(
    phone: Variant, connect: Connect, speak: Speak, era: str, what: str
) -> None:
    async with connect(era) as client:
        speak(await person("maya@example.org"))
        uri = "museo://me/orders"

        async def use() -> object:
            if what == "prompt":
                return await client.get_prompt("order_something", {"wish": "a phone"})
            if what == "card":
                return await client.read_resource(cards.ORDER, cache_mode="bypass")
            if what == "resource":
                return await client.read_resource(uri, cache_mode="bypass")
            if era == "legacy":
                return await client.subscribe_resource(uri)
            async with client.listen(resource_subscriptions=[uri]) as updates:
                return updates

        for _time in range(5):
            await use()
        with pytest.raises(MCPError) as caught:
            await use()

    error = caught.value.error
    assert (error.code, error.data) == (-32003, {"retry_after": 12})
    assert "Try again in 12 seconds" in error.message


@pytest.mark.parametrize("method", ["events/list", "events/subscribe", "events/unsubscribe"])
async def test_events_are_counted_with_them_and_refused_by_their_own_code(
    phone: Variant, connect: Connect, speak: Speak, method: str
) -> None:
    named = {
        "name": "order.status_changed",
        "arguments": {"order_id": "ORD-NONE"},
        "delivery": {"url": "https://192.0.32.8/told", "secret": "none"},
    }
    asked = {} if method == "events/list" else named
    async with connect() as client:
        speak(await person("maya@example.org"))
        for _time in range(5):
            await client.read_resource(cards.ORDER, cache_mode="bypass")
        with pytest.raises(MCPError) as caught:
            await ask(client, method, **asked)

    error = caught.value.error
    assert (error.code, error.data["limit"], error.data["retry_after"]) == (-32013, "requests", 12)


async def test_a_neighbour_in_the_same_network_shares_a_guests_bucket(
    phone: Variant, connect: Connect, speak: Speak, settings: LazySettings
) -> None:
    settings.MUSEO_CALLS_PER_MINUTE = 1
    async with connect() as client:
        speak(Caller(address="2001:db8:0:1::1"))
        await call(client, "add_to_basket", sku=SKU)
        speak(Caller(address="2001:db8:0:1:ffff::2"))
        often = await refused(client, "add_to_basket", sku=SKU)
        speak(Caller(address="2001:db8:0:2::1"))
        await call(client, "add_to_basket", sku=SKU)

    assert often["code"] == "rate_limited"
    assert limits.network("2001:db8:0:1::1") == limits.network("2001:db8:0:1:ffff::2")


async def test_of_many_who_call_at_once_few_ask_and_nobody_waits_for_all_others(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MUSEO_CALLS_PER_MINUTE = 10_000
    asked: list[str] = []
    take = limits.take

    def count(key: str, limit: limits.Limit, *, now: datetime) -> limits.Allowance:
        asked.append(key)
        return take(key, limit, now=now)

    monkeypatch.setattr(limits, "take", count)
    now, tool = timezone.now(), ALL["search_products"]
    async with asyncio.TaskGroup() as calling:
        for _number in range(60):
            calling.create_task(budgets.take_call(tool, Caller(address="192.0.2.7"), now=now))

    # 1, 2, 4, 8, 16 and 32 calls
    assert asked == ["tool:search_products:192.0.2.7"] * 6
