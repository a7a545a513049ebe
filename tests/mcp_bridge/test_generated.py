"""Whatever a client makes up as arguments is answered, or refused and nothing is changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from threading import Event, Lock
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from mcp.client.client import Client

from catalog.models import StockItem, Variant
from mcp_bridge.registry import Tool
from mcp_bridge.toolsets import ALL, TOOLSETS
from museo.access import limits
from museo.access.callers import Caller
from notifications.live import simulation
from notifications.live.hub import in_thread
from orders.models import Order
from tests.mcp_bridge import arguments, writes
from tests.mcp_bridge.conftest import BUYER, SKU, Connect, buy, call, person

Speak = Callable[[Caller], None]
SHORT, LONG = 50, 10_000
# a machine that is busy with other tests may stand still for a while
PATIENCE_SECONDS = 120


@pytest.fixture
def _tasks_end(committed: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a simulated task is telling when it is cancelled, its thread tells to the end."""
    telling, has_ended, tell = Lock(), Event(), simulation._tell

    def tell_in_time(task: simulation.Simulation, step: int) -> None:
        with telling:
            if not has_ended.is_set():
                tell(task, step)

    monkeypatch.setattr(simulation, "_tell", tell_in_time)
    yield
    with telling:
        has_ended.set()


@pytest.fixture
async def real(
    _tasks_end: None, phone: Variant, connect: Connect, speak: Speak
) -> AsyncIterator[dict[str, Any]]:
    """What there is in the shop, by the names of arguments; staff call, who may do all of it."""
    await in_thread(StockItem.objects.update)(on_hand=100_000)
    async with connect() as client:
        order = await buy(client)
        basket = await call(client, "add_to_basket", sku=SKU)
    # one that has ended: nobody waits for it
    await in_thread(Order.objects.update)(status="delivered", ended_at=timezone.now())
    speak(await person("owner@example.org", "owner"))
    real = {
        **BUYER,
        "sku": SKU,
        "product": phone.master.public_id,
        "order_id": order["number"],
        "ticket": order["ticket"],
        "basket_token": basket["basket_token"],
        "topics": [f"order.{order['number']}"],
        "category": "phones",
        "query": "iphone",
        "question": "Which iPhone is in stock?",
        "translations": {"en": {"name": "Bowl"}},
    }
    noted = writes.noted()
    await in_thread(noted.__enter__)()
    yield real
    await in_thread(noted.__exit__)(None, None, None)
    for task in tuple(simulation._tasks):
        task.cancel()


async def _use(client: Client, tool: str, given: dict[str, Any]) -> None:
    """The client itself checks what is answered against the tool's output schema."""
    limits._buckets.forget()
    meanwhile = writes.OF_THE_LOG if simulation._tasks else set()
    result = await client.call_tool(tool, given)
    written = await in_thread(writes.taken)() - meanwhile
    if result.is_error:
        problem = result.structured_content
        assert problem["status"] < 500, problem
        assert problem["detail"], problem
        assert not written, (tool, given, problem)


async def _try(connect: Connect, tool: Tool, real: dict[str, Any], *, times: int) -> None:
    loop = asyncio.get_running_loop()
    # a machine that is busy, or was stopped for a while, is no trouble of a tool's
    async with connect(read_timeout_seconds=PATIENCE_SECONDS) as client:

        def use(given: dict[str, Any]) -> None:
            using = _use(client, tool.name, given)
            asyncio.run_coroutine_threadsafe(using, loop).result(2 * PATIENCE_SECONDS)

        made_up = arguments.of(tool.definition.input_schema, real)
        trying = settings(
            max_examples=times,
            deadline=None,
            database=None,
            derandomize=times == SHORT,
            suppress_health_check=list(HealthCheck),
        )(given(given=made_up)(use))
        await asyncio.to_thread(trying)


@pytest.mark.parametrize("toolset", list(TOOLSETS))
async def test_made_up_arguments_are_no_trouble(
    connect: Connect, real: dict[str, Any], toolset: str
) -> None:
    for tool in TOOLSETS[toolset].values():
        await _try(connect, tool, real, times=SHORT)


@pytest.mark.long
@pytest.mark.parametrize("name", list(ALL))
async def test_ten_thousand_made_up_arguments_are_no_trouble(
    connect: Connect, real: dict[str, Any], name: str
) -> None:
    await _try(connect, ALL[name], real, times=LONG)


@pytest.mark.both
def test_what_is_committed_is_noted_and_what_is_taken_back_is_not(phone: Variant) -> None:
    with writes.noted():
        StockItem.objects.update(on_hand=7)
        assert "catalog_stockitem" in writes.taken()
        with transaction.atomic():
            StockItem.objects.update(on_hand=8)
            transaction.set_rollback(True)
        assert writes.taken() == set()
