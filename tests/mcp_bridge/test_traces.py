"""Every call of a tool that writes leaves a trace: who, which tool, how it ended, about what."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import Error
from django.test import Client as Browser
from django.utils import timezone
from mcp_types import ElicitResult

from catalog.models import Variant
from mcp_bridge.toolsets import ALL
from museo.access import trail
from museo.access.callers import Caller
from museo.access.models import Trail, User
from museo.access.tasks import forget_old_calls
from notifications.live.hub import in_thread
from orders.models import Basket
from tests.mcp_bridge.conftest import (
    ADDRESS,
    BUYER,
    SKU,
    Connect,
    buy,
    call,
    person,
    program,
    refused,
)

Speak = Callable[[Caller], None]


async def traces() -> list[tuple[str, str, str, str]]:
    """Of agents; what services note besides is theirs."""
    rows = Trail.objects.filter(what__startswith="mcp.").order_by("pk")
    return await in_thread(list)(rows.values_list("who", "what", "target", "outcome"))


async def test_a_purchase_is_traced_from_the_basket_to_the_order(
    phone: Variant, connect: Connect, era: str
) -> None:
    async with connect(era) as client:
        await call(client, "search_products", query="")
        order = await buy(client)
    basket = (await in_thread(Basket.objects.get)()).public_id

    assert await traces() == [
        ("guest", "mcp.add_to_basket", basket, "done"),
        ("guest", "mcp.place_order", basket, "asked"),
        ("guest", "mcp.place_order", order["number"], "done"),
    ]


async def test_what_a_person_said_is_traced(phone: Variant, connect: Connect, era: str) -> None:
    async def no(context: object, params: object) -> ElicitResult:
        return ElicitResult(action="decline")

    async with connect(era, elicitation_callback=no) as client:
        basket = await call(client, "add_to_basket", sku=SKU)
        await refused(client, "place_order", **BUYER, basket_token=basket["basket_token"])

    outcomes = [outcome for _who, what, _target, outcome in await traces() if "place" in what]
    assert outcomes == (["asked", "person_declined"] if era == "auto" else ["person_declined"])


async def test_a_refusal_is_traced_without_what_was_written(
    phone: Variant, connect: Connect, speak: Speak
) -> None:
    order_number = "ORD-00000000"
    async with connect() as client:
        order = await buy(client)
        agent = await program("shop:read", "orders:write", "basket:write", "checkout:write")
        speak(agent)
        secret = order["ticket"]
        await refused(client, "cancel_order", order_id=order_number, ticket="guessed")
        await refused(client, "cancel_order", order_id="Maya Okafor", reason="My dog is ill")
        await refused(client, "place_order", **BUYER, basket_token="mss_secret", confirm="yes")
        await refused(client, "update_product", product="mss_" + "a" * 32)
        await call(client, "cancel_order", order_id=order["number"], ticket=secret)

    assert (await traces())[3:] == [
        (agent.who, "mcp.cancel_order", order_number, "unknown_order"),
        (agent.who, "mcp.cancel_order", "", "unknown_order"),
        (agent.who, "mcp.place_order", "", "confirmation_needed"),
        (agent.who, "mcp.update_product", "", "not_allowed"),
        (agent.who, "mcp.cancel_order", order["number"], "asked"),
    ]
    kept = str(await in_thread(list)(Trail.objects.values()))
    for said in ("Maya", "maya@", "dog", "mss_", secret, ADDRESS["line1"]):
        assert said not in kept


async def test_every_tool_that_writes_leaves_one_trace_and_no_other_does(
    phone: Variant, connect: Connect, speak: Speak
) -> None:
    speak(await person("owner@example.org", "owner"))
    async with connect() as client:
        for name in ALL:
            await client.call_tool(name, {})

    traced = [what for _who, what, _target, _outcome in await traces()]
    assert traced == [f"mcp.{name}" for name, tool in ALL.items() if not tool.only_reads]


async def test_what_was_too_often_leaves_none(
    phone: Variant, connect: Connect, settings: LazySettings, full_buckets: None
) -> None:
    settings.MUSEO_CALLS_PER_MINUTE = 1
    async with connect() as client:
        for _time in range(3):
            await client.call_tool("add_to_basket", {"sku": SKU})

    assert [outcome for *_what, outcome in await traces()] == ["done"]


async def test_what_was_done_is_answered_even_if_no_trace_can_be_left(
    phone: Variant,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_what: Any, **_more: Any) -> None:
        raise Error("disk full")

    monkeypatch.setattr(trail, "leave", full)
    async with connect() as client:
        basket = await call(client, "add_to_basket", sku=SKU)

    assert len(basket["lines"]) == 1
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == [
        "no trace left"
    ]


async def test_owners_read_the_trail_in_the_admin_and_nobody_writes_it(
    phone: Variant, connect: Connect
) -> None:
    async with connect() as client:
        order = await buy(client)
    await person("owner@example.org", "owner")
    await person("support@example.org", "support")

    def look(email: str) -> tuple[int, bool, int]:
        browser = Browser()
        browser.force_login(User.objects.get(email=email))
        listed = browser.get("/admin/access/trail/", {"q": order["number"]})
        shown = "mcp.place_order" in listed.content.decode()
        return listed.status_code, shown, browser.get("/admin/access/trail/add/").status_code

    assert await in_thread(look)("owner@example.org") == (200, True, 403)
    assert await in_thread(look)("support@example.org") == (403, False, 403)


def test_calls_are_forgotten_after_a_time_and_what_was_changed_is_not(
    committed: None, monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    settings.MUSEO_TRAIL_DAYS = 30
    monkeypatch.setattr(trail, "BATCH", 2)
    now = timezone.now()
    for days in (29, 31, 31, 31):
        for what in ("mcp.place_order", "prices", "mcpx"):
            trail.leave(Caller(), what, "ORD-00000000", at=now - timedelta(days=days))

    assert forget_old_calls() == 3
    assert forget_old_calls() == 0
    left = [row.what for row in Trail.objects.order_by("pk")]
    assert left == ["mcp.place_order", *["prices", "mcpx"] * 4]
