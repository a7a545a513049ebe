"""What an attacker tries is refused with the right code, changes nothing, and is no trouble."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError

from catalog.models import Variant
from mcp_bridge import transport
from mcp_bridge.event_kinds import KINDS
from museo.access import accounts, grants
from museo.access.callers import Caller
from museo.access.models import ServiceAccount
from notifications import access_changes
from notifications.live.hub import in_thread
from orders.models import Order
from tests.mcp_bridge import arguments
from tests.mcp_bridge.conftest import Connect, advance, buy, call, person, program
from tests.mcp_bridge.raw import INITIALIZE, LEGACY, META, Raw, modern, raw
from tests.mcp_bridge.test_events import subscribe, unsubscribe

Speak = Callable[[Caller], None]
pytestmark = pytest.mark.filterwarnings("ignore:resources/(un)?subscribe is removed")
SHORT, LONG = 50, 10_000
PATIENCE_SECONDS = 120
PING = {"jsonrpc": "2.0", "id": "1", "method": "ping"}


# a session belongs to who opened it


async def two_tokens(*scopes: str) -> list[str]:
    """Of one service account, as it renews them."""

    def make() -> list[str]:
        now = timezone.now()
        keys = accounts.create(name=f"agent {now}", scopes=scopes, now=now)
        return [grants.give(keys.account, now=now).access_token for _time in range(2)]

    return await in_thread(make)()


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"} if token else {}


async def open_session(http: Raw, token: str) -> str:
    message = {**PING, "method": "initialize", "params": INITIALIZE}
    answer = await http.post(message, **LEGACY, **bearer(token))
    return answer.headers["mcp-session-id"]


async def use(http: Raw, method: str, session: str, token: str) -> tuple[int, Any]:
    """Status, and what is said; of a stream that opens, nothing."""
    headers = {"mcp-session-id": session, **LEGACY, **bearer(token)}
    body = PING if method == "POST" else None
    async with http.client.stream(method, http.address, headers=headers, json=body) as answer:
        if answer.status_code == 200:
            return 200, None
        return answer.status_code, json.loads(await answer.aread())


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
async def test_a_stolen_session_is_none(committed: None, address: str, method: str) -> None:
    (mine, renewed), (thiefs, _other) = await two_tokens("shop:read"), await two_tokens("admin")
    async with raw(address) as http:
        session, guests = await open_session(http, mine), await open_session(http, "")
        nobodys = await use(http, method, "0" * 32, thiefs)
        stolen = [
            await use(http, method, session, thiefs),
            await use(http, method, session, ""),
            await use(http, method, guests, thiefs),
        ]
        still_mine = await use(http, "POST", session, renewed)

    assert nobodys[0] == 404
    assert stolen == [nobodys] * 3
    assert still_mine[0] == 200


async def test_without_its_owner_a_session_would_be_anybodys(
    committed: None, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin of the test above."""
    monkeypatch.setattr(transport, "_owner", lambda _bearer: None)
    (mine, _renewed), (thiefs, _other) = await two_tokens("shop:read"), await two_tokens("admin")
    async with raw(address) as http:
        session = await open_session(http, mine)
        stolen = await use(http, "GET", session, thiefs)

    assert stolen[0] == 200


# a token that ends while something is open


async def ending(*scopes: str, seconds: float) -> Caller:
    caller = await program(*scopes)
    return replace(caller, expires_at=timezone.now() + timedelta(seconds=seconds))


async def test_waiting_for_an_order_ends_with_the_token(
    phone: Variant, connect: Connect, speak: Speak, era: str
) -> None:
    async with connect(era) as client:
        order = await buy(client)
        speak(await ending("orders:read", seconds=0.5))
        async with asyncio.timeout(60):
            track = await call(client, "track_order", order_id=order["number"], wait_seconds=900)

    assert track["status"] == "placed"


async def test_waiting_for_an_order_ends_when_access_is_revoked(
    phone: Variant, connect: Connect, speak: Speak, woken: None
) -> None:
    told = asyncio.Event()

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.set()

    async with connect() as client:
        order = await buy(client)
        agent = await program("orders:read")
        speak(agent)
        waiting = asyncio.create_task(
            client.call_tool(
                "track_order",
                {"order_id": order["number"], "wait_seconds": 900},
                progress_callback=hear,
            )
        )
        async with asyncio.timeout(60):
            await told.wait()
            await in_thread(revoke)(agent)
            await waiting


def revoke(agent: Caller) -> None:
    account = ServiceAccount.objects.get(pk=agent.who.partition(":")[2])
    assert access_changes.revoke_account(account, now=timezone.now())


async def test_a_session_hears_no_more_of_what_its_token_opened(
    phone: Variant, connect: Connect, speak: Speak, woken: None
) -> None:
    told: list[str] = []

    async def hear(message: Any) -> None:
        if uri := getattr(getattr(message, "params", None), "uri", None):
            told.append(str(uri))

    async with connect("legacy", message_handler=hear) as client:
        order = await buy(client)
        await client.unsubscribe_resource(order["uri"])
        speak(await ending("orders:read", seconds=0.3))
        await client.subscribe_resource(f"museo://orders/{order['number']}")
        await asyncio.wait_for(_over(0.4), 20)
        await advance(order, minutes=2)
        # what was pushed before this answer has come before it
        await client.call_tool("track_order", {"order_id": order["number"]})

    assert told == []


async def _over(seconds: float) -> None:
    """The token's time, by the loop's own clock."""
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, over.set)
    await over.wait()


# somebody else's order is never confirmed to exist


async def _tool(client: Client, name: str, wanted: dict[str, Any]) -> Any:
    told: list[object] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    result = await client.call_tool(name, wanted, progress_callback=hear)
    return result.model_dump(mode="json"), told


async def _read(client: Client, uri: str) -> Any:
    return await _error(client.read_resource(uri, cache_mode="bypass"))


async def _subscribe(client: Client, uri: str) -> Any:
    return await _error(client.subscribe_resource(uri))


async def _listen(client: Client, uri: str) -> Any:
    async with client.listen(resource_subscriptions=[uri]) as updates:
        return updates.honored.model_dump(mode="json")


async def _error(doing: Any) -> Any:
    with pytest.raises(MCPError) as caught:
        await doing
    return caught.value.error.model_dump(mode="json")


Way = Callable[[Client, str], Any]


def uris(number: str) -> list[str]:
    return [
        f"museo://orders/{number}",
        f"museo://orders/{number}?ticket=guessed",
        f"museo://live-feed?topics=order.{number}",
        f"museo://live-feed?topics=order.{number}&ticket=guessed",
    ]


async def answers(client: Client, number: str, era: str) -> dict[str, Any]:
    """What each way says of an order."""
    topic = f"order.{number}"
    found: dict[str, Any] = {}
    for key in ({}, {"ticket": "guessed"}):
        for name, more in (
            ("track_order", {"order_id": number, "wait_seconds": 1}),
            ("subscribe_order_updates", {"order_id": number}),
            ("cancel_order", {"order_id": number}),
            ("get_payment_link", {"order_id": number}),
            ("replay_events", {"after": 0, "topics": [topic]}),
            ("get_recent_events", {"topics": [topic]}),
        ):
            found[f"{name} {key}"] = await _tool(client, name, {**more, **key})
        asked: dict[str, Any] = {"arguments": {"order_id": number, **key}}
        for name, kind in KINDS.items():
            if kind.takes_ticket:
                subscribing = subscribe(client, "https://192.0.32.8/told", name, **asked)
                found[f"subscribe {name} {key}"] = await _error(subscribing)
        ending = unsubscribe(client, "https://192.0.32.8/told", asked["arguments"])
        found[f"unsubscribe {key}"] = await _error(ending)
    follow = _listen if era == "auto" else _subscribe
    for uri in uris(number):
        found[f"read {uri}"] = await _read(client, uri)
        found[f"follow {uri}"] = await follow(client, uri)
    return found


def _alike(found: dict[str, Any], number: str) -> str:
    """Without the number that was asked for, and the call's own name."""
    text = json.dumps(found, sort_keys=True, default=str).replace(number, "ORD-X")
    correlations = {part.partition('"')[0] for part in text.split('"correlation_id": "')[1:]}
    for correlation in correlations:
        text = text.replace(correlation, "")
    return text


@pytest.mark.parametrize("who", ["guest", "stranger", "other ticket", "catalogue", "program"])
async def test_no_way_tells_a_foreign_order_from_one_that_is_not_there(
    phone: Variant, connect: Connect, speak: Speak, era: str, who: str
) -> None:
    async with connect(era) as client:
        theirs, mine = await buy(client), await buy(client)
    callers = {
        "guest": Caller(address="192.0.2.7"),
        "stranger": await person("noah@example.org"),
        "other ticket": Caller(tickets=(mine["ticket"],)),
        "catalogue": await person("cat@example.org", "catalogue"),
        # it may cancel what it cannot see
        "program": await program("shop:read", "basket:write"),
    }
    speak(callers[who])
    async with connect(era) as client:
        of_theirs = await answers(client, theirs["number"], era)
        of_none = await answers(client, "ORD-00000000", era)

    assert _alike(of_theirs, theirs["number"]) == _alike(of_none, "ORD-00000000")
    assert {each.status for each in await in_thread(list)(Order.objects.all())} == {"placed"}


# messages that are none


METHODS = (
    "initialize",
    "ping",
    "server/discover",
    "tools/list",
    "tools/call",
    "resources/read",
    "resources/subscribe",
    "prompts/get",
    "completion/complete",
    "events/list",
    "events/subscribe",
    "events/unsubscribe",
    "logging/setLevel",
    "notifications/initialized",
    "notifications/cancelled",
    "no/such",
)
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["search_products", "place_order", "order_something", *KINDS])
        | arguments.ANYTHING,
        "arguments": st.just({"query": ""}) | arguments.ANYTHING,
        "uri": st.sampled_from(["museo://me/orders", "museo://orders/ORD-1"]) | arguments.ANYTHING,
        "cursor": arguments.ANYTHING,
        "delivery": st.just({"url": "https://192.0.32.8/told", "secret": "none"})
        | arguments.ANYTHING,
        "requestState": arguments.ANYTHING,
        "inputResponses": arguments.ANYTHING,
        "protocolVersion": arguments.ANYTHING,
        "_meta": st.just(META) | arguments.ANYTHING,
    },
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | arguments.ANYTHING,
        "id": st.just(1) | arguments.ANYTHING,
        "method": st.sampled_from(METHODS) | arguments.ANYTHING,
        "params": PARAMS | arguments.ANYTHING,
        "result": arguments.ANYTHING,
        "error": arguments.ANYTHING,
    },
)
HEADERS = st.sampled_from([{}, LEGACY, {"mcp-protocol-version": "2025-06-18"}])
BODIES = st.binary(max_size=200) | (MESSAGES | arguments.ANYTHING).map(
    lambda message: json.dumps(message).encode()
)


async def _send(http: Raw, body: bytes, headers: dict[str, str], is_modern: bool) -> None:
    if is_modern:
        headers = {**headers, **_named(body)}
    answer = await http.post(body, **headers)
    assert answer.status_code < 500, (body, answer.text)
    if answer.status_code >= 400:
        assert answer.json()["error"]["message"]


def _named(body: bytes) -> dict[str, str]:
    """The headers of 2026-07-28 that go with a message, as far as a header can say it."""
    try:
        message = json.loads(body)
        headers = modern(str(message["method"]), str(message["params"]["name"]))
    except (ValueError, KeyError, TypeError):
        return modern("ping")
    fits = all(value.isascii() and value.isprintable() for value in headers.values())
    return headers if fits else modern("ping")


async def _try(address: str, *, times: int) -> None:
    loop = asyncio.get_running_loop()
    async with raw(address) as http:

        def send(body: bytes, headers: dict[str, str], is_modern: bool) -> None:
            sending = _send(http, body, headers, is_modern)
            asyncio.run_coroutine_threadsafe(sending, loop).result(PATIENCE_SECONDS)

        trying = settings(
            max_examples=times,
            deadline=None,
            database=None,
            derandomize=times == SHORT,
            suppress_health_check=list(HealthCheck),
        )(given(body=BODIES, headers=HEADERS, is_modern=st.booleans())(send))
        await asyncio.to_thread(trying)
        alive = await http.post(PING)
    assert alive.json()["result"] == {}


async def test_made_up_messages_are_no_trouble(committed: None, address: str) -> None:
    await _try(address, times=SHORT)


@pytest.mark.long
async def test_ten_thousand_made_up_messages_are_no_trouble(committed: None, address: str) -> None:
    await _try(address, times=LONG)
