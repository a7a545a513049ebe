"""Every tool, resource, card, event and prompt lets in whom the matrix says, and nobody else."""

import re
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.test import override_settings
from django.utils import timezone
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from catalog.models import StockItem, Variant
from mcp_bridge import prompts, resources
from mcp_bridge.event_kinds import KINDS
from mcp_bridge.toolsets import ALL as REGISTERED
from museo.access import access_tokens, accounts, grants, limits, scopes
from museo.access.bearers import caller_from_bearer
from museo.access.callers import Caller, caller_for_user
from museo.access.models import User
from museo.access.roles import ROLES
from notifications.channels import event_wire
from notifications.live.hub import in_thread
from orders import baskets, checkout
from orders.details import Details
from tests.mcp_bridge.conftest import ADDRESS, SKU, Connect
from tests.mcp_bridge.matrix import CARDS, EVENTS, IN, PEOPLE, PROMPTS, RESOURCES, TOOLS, Row
from tests.mcp_bridge.test_events import agree, subscribe
from tests.notifications.receivers import receiving

Speak = Callable[[Caller], None]
REFUSALS = {401, 403, 404}


@dataclass
class World:
    """A buyer with an order for each call, and whoever calls."""

    phone: Variant
    people: dict[str, Caller] = field(default_factory=dict)
    programs: dict[frozenset[str], Caller] = field(default_factory=dict)
    once: Iterable[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        StockItem.objects.update(on_hand=1000)
        for who in ("stranger", "buyer", *ROLES):
            user = User.objects.create_user(f"{who}@example.org", is_staff=who in ROLES)
            user.groups.set(Group.objects.filter(name=who))
            self.people[who] = caller_for_user(user, locale="en")

    def call(self, row: Row, who: str) -> tuple[Caller, dict[str, str]]:
        """Who calls, and what fills the row's places."""
        order, ticket = self._order() if "{order}" in f"{row.name}{row.arguments}" else ("", "")
        caller = self._caller(row, who)
        opened = baskets.add(caller, sku=SKU, quantity=1, now=timezone.now())
        return caller, {
            "{order}": order,
            "{ticket}": ticket if who == "ticket" else "",
            "{basket}": opened.token,
            "{product}": self.phone.master.public_id,
            "{once}": f"n{next(iter(self.once))}",
        }

    def _order(self) -> tuple[str, str]:
        buyer = self.people["buyer"]
        details = Details(email="maya@example.org", name="Maya", address=ADDRESS)
        opened = baskets.add(buyer, sku=SKU, quantity=1, now=timezone.now())
        placed = checkout.place(
            buyer.with_basket(opened.token), details, now=timezone.now(), speed=1.0
        )
        return placed.order.number, placed.ticket

    def _caller(self, row: Row, who: str) -> Caller:
        if who in ("with", "without"):
            one = frozenset({row.scope})
            given = one if who == "with" else frozenset(scopes.SCOPES) - one
            if given not in self.programs:
                self.programs[given] = program(given)
            return self.programs[given]
        return self.people.get(who, Caller(address="192.0.2.7"))


def program(given: Collection[str]) -> Caller:
    now = timezone.now()
    keys = accounts.create(name=f"agent {uuid4()}", scopes=given, now=now)
    token = grants.give(keys.account, now=now).access_token
    return caller_from_bearer(token, access_tokens.mcp_resource(), now=now)


def filled(value: Any, places: dict[str, str]) -> Any:
    """The row's arguments with what its places stand for."""
    if isinstance(value, str):
        for place, text in places.items():
            value = value.replace(place, text)
        return value
    if isinstance(value, dict):
        return {name: filled(each, places) for name, each in value.items()}
    return [filled(each, places) for each in value] if isinstance(value, list) else value


async def call_tool(client: Client, row: Row, places: dict[str, str]) -> str | int:
    result = await client.call_tool(row.name, filled(row.arguments, places))
    status = result.structured_content["status"] if result.is_error else IN
    assert status != 500, result.structured_content
    return status if status in REFUSALS else IN


async def read_resource(client: Client, row: Row, places: dict[str, str]) -> str | int:
    return await _told(client.read_resource(filled(row.name, places), cache_mode="bypass"))


async def get_prompt(client: Client, row: Row, places: dict[str, str]) -> str | int:
    return await _told(client.get_prompt(row.name, filled(row.arguments, places)))


async def subscribe_event(client: Client, row: Row, places: dict[str, str]) -> str | int:
    with receiving(agree) as there:
        wanted = {"arguments": filled(row.arguments, places)}
        with override_settings(MUSEO_WEBHOOK_ALLOW=frozenset({there.place})):
            return await _told(subscribe(client, there.url, row.name, **wanted))


CODES = {INVALID_PARAMS: 404, event_wire.NOT_FOUND: 404, event_wire.FORBIDDEN: 403}


async def _told(answer: Awaitable[object]) -> str | int:
    """What is not there, and what is not theirs, is the same error."""
    try:
        await answer
    except MCPError as error:
        return CODES.get(error.error.code, error.error.code)
    return IN


@pytest.mark.parametrize(
    ("rows", "use"),
    [
        pytest.param(TOOLS, call_tool, id="tools"),
        pytest.param(RESOURCES, read_resource, id="resources"),
        pytest.param(CARDS, read_resource, id="cards"),
        pytest.param(EVENTS, subscribe_event, id="events"),
        pytest.param(PROMPTS, get_prompt, id="prompts"),
    ],
)
async def test_everybody_is_let_in_where_the_matrix_says(
    phone: Variant, connect: Connect, speak: Speak, rows: list[Row], use: Any
) -> None:
    world = await in_thread(World)(phone)
    wrong = {}
    async with connect() as client:
        for row in rows:
            limits._buckets.forget()
            for who, expected in row.expected().items():
                caller, places = await in_thread(world.call)(row, who)
                speak(caller)
                found = await use(client, row, places)
                if found != expected:
                    wrong[f"{row.name} by {who}"] = (found, expected)

    assert wrong == {}


def test_every_tool_resource_event_and_prompt_has_a_row() -> None:
    templates = [each.uri_template for _kind, each in resources.TEMPLATES]
    addresses = [*templates, *(str(each.uri) for _kind, each in resources.RESOURCES)]

    assert {row.name for row in TOOLS} == set(REGISTERED)
    assert {row.name for row in EVENTS} == set(KINDS)
    assert {row.name for row in PROMPTS} == set(prompts.ALL)
    assert {_shape(row.name) for row in RESOURCES} == {_shape(each) for each in addresses}


def _shape(address: str) -> str:
    """An address without what fills its places."""
    beginning, _mark, query = address.replace("{?", "?{").partition("?")
    return re.sub(r"\{\w+\}", "{}", beginning) + ("?" if query else "")


async def test_what_is_not_listed_is_refused(
    phone: Variant, connect: Connect, speak: Speak
) -> None:
    world = await in_thread(World)(phone)
    async with connect() as client:
        for who in PEOPLE:
            caller = world.people.get(who, Caller())
            speak(caller)
            listed = {tool.name for tool in (await client.list_tools(cache_mode="bypass")).tools}
            for name in set(REGISTERED) - listed:
                problem = (await client.call_tool(name, {})).structured_content
                assert problem["code"] == "not_allowed", (who, name)


@pytest.mark.parametrize("tool", ["track_order", "cancel_order", "subscribe_order_updates"])
async def test_a_made_up_ticket_adds_nothing_to_other_scopes(
    phone: Variant, connect: Connect, speak: Speak, tool: str
) -> None:
    """A program that may read orders but not cancel them brings a ticket of its own invention."""
    world = await in_thread(World)(phone)
    scope = REGISTERED[tool].scope
    caller = await in_thread(program)(set(scopes.SCOPES) - {scope})
    number, ticket = await in_thread(world._order)()
    async with connect() as client:
        speak(caller)
        made_up = await client.call_tool(tool, {"order_id": number, "ticket": "made up"})
        real = await client.call_tool(tool, {"order_id": number, "ticket": ticket})
        speak(replace(caller, tickets=("made up",)))
        in_header = await client.call_tool(tool, {"order_id": number})

    assert made_up.structured_content["code"] == "unknown_order"
    assert in_header.structured_content["code"] == "unknown_order"
    assert not real.is_error
