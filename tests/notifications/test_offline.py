"""Who was away gets the same events in the same order, by whichever channel they come back."""

from __future__ import annotations

from collections import defaultdict
from contextlib import AbstractContextManager
from random import Random
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import pytest
from django.utils import timezone

from museo.access.callers import Caller, caller_for_user
from museo.access.models import User
from notifications import dispatcher, log, sending, subscribing, subscriptions
from notifications.live.hub import in_thread
from notifications.models import Delivery, Subscription
from tests.notifications.conftest import NOON, socket, stream, tell
from tests.notifications.receivers import Receiver, accept, receiving
from tests.notifications.test_source_listings import ask

Envelope = dict[str, Any]
ALL = "trial.all"
TOPICS = [f"trial.{number}" for number in range(20)]
HAD = 10


def _tell(count: int) -> None:
    """So many events, on one topic after the other; all are heard on ALL, too."""
    dice = Random(7)  # noqa: S311  of a test
    for number in range(count // 5):
        tell(dice.choice(TOPICS), 5, also=[ALL], words=f"Lämpchen {number}")


async def by_stream(http: httpx.AsyncClient, cursor: str, count: int) -> list[Envelope]:
    after = {"Last-Event-ID": cursor}
    async with stream(http, f"/api/v1/events?topics={ALL}", **after) as events:
        await events.next()
        return await events.take(count)


async def by_socket(http: httpx.AsyncClient, cursor: str, count: int) -> list[Envelope]:
    async with socket(str(http.base_url).rstrip("/")) as client:
        await client.next()
        await client.say(action="subscribe", topics=[ALL], after=cursor)
        _subscribed, *missed = await client.take(count + 1)
    return missed


async def by_pages(http: httpx.AsyncClient, cursor: str, count: int) -> list[Envelope]:
    missed: list[Envelope] = []
    after = cursor
    while True:
        asked = {"topics": ALL, "after": after, "limit": "100"}
        page = (await http.get("/api/v1/events", params=asked)).json()
        if not page["events"]:
            return missed
        missed += page["events"]
        after = page["next"]


async def by_tool(http: httpx.AsyncClient, cursor: str, count: int) -> list[Envelope]:
    """By `replay_events`, as an MCP client calls it."""
    missed: list[Envelope] = []
    after = cursor
    while True:
        arguments = {"topics": [ALL], "after": after, "limit": 300}
        params = {"name": "replay_events", "arguments": arguments}
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        page = (await ask(http, orjson.dumps(call).decode()))["structuredContent"]
        if not page["events"]:
            return missed
        missed += page["events"]
        after = page["next"]


def by_webhook(caller: Caller, subscription: Subscription) -> list[Envelope]:
    """What comes of a replay, in the order of positions."""
    with _back(subscription) as receiver:
        subscribing.replay(caller, subscription, after=HAD, now=timezone.now())
        while Delivery.objects.pending().exists():
            assert _send().sent
    came = [orjson.loads(got.body) for got in receiver.got]
    _check_order(came)
    return sorted(came, key=lambda envelope: int(envelope["position"]))


def _back(subscription: Subscription) -> AbstractContextManager[Receiver]:
    return receiving(accept, port=urlsplit(subscription.address).port or 0)


def _send() -> sending.Settled:
    return sending.run(clock=timezone.now, dice=Random(7))  # noqa: S311  of a test


def _check_order(came: list[Envelope]) -> None:
    versions = defaultdict(list)
    for envelope in came:
        versions[envelope["topic"]].append(envelope["version"])
    assert all(found == sorted(set(found)) for found in versions.values())


def _subscribe(settings: Any) -> tuple[Caller, Subscription]:
    """To a receiver that is not there."""
    with receiving() as receiver:
        settings.MUSEO_WEBHOOK_ALLOW = frozenset({receiver.place})
    caller = caller_for_user(User.objects.create_user("maya@example.org"), locale="en")
    made = subscriptions.begin(
        topic=ALL,
        channel=Subscription.Channel.WEBHOOK,
        address=receiver.url,
        who=caller.who,
        locale="en",
        now=NOON,
    )
    return caller, made.subscription


def _miss(subscription: Subscription, count: int) -> str:
    """Events that come while nobody is there, after some that did arrive."""
    with _back(subscription):
        _tell(HAD)
        dispatcher.dispatch(now=timezone.now())
        assert _send() == sending.Settled(sent=HAD)
    _tell(count)
    while dispatcher.dispatch(now=timezone.now()):
        pass
    assert _send().failed
    return log.format_cursor(log.state().epoch, HAD)


async def _come_back(http: httpx.AsyncClient, settings: Any, count: int) -> None:
    caller, subscription = await in_thread(_subscribe)(settings)
    cursor = await in_thread(_miss)(subscription, count)

    missed = await by_pages(http, cursor, count)

    assert [envelope["position"] for envelope in missed] == list(range(HAD + 1, HAD + count + 1))
    assert len({envelope["id"] for envelope in missed}) == count
    assert await by_stream(http, cursor, count) == missed
    assert await by_socket(http, cursor, count) == missed
    assert await by_tool(http, cursor, count) == missed
    assert await in_thread(by_webhook)(caller, subscription) == missed


async def test_five_hundred_missed_events_come_alike_by_every_channel(
    http: httpx.AsyncClient, settings: Any
) -> None:
    await _come_back(http, settings, 500)


@pytest.mark.long
async def test_five_thousand_missed_events_come_alike_by_every_channel(
    http: httpx.AsyncClient, settings: Any
) -> None:
    await _come_back(http, settings, 5000)
