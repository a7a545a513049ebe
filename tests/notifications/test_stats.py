"""How many are connected, how many may be, and how the push itself is doing."""

import asyncio
import time
from typing import Any

import httpx
import pytest

from museo.access import limits
from museo.access.limits import Bucket
from museo.ops import health
from notifications.live import stats, wake
from notifications.live.hub import here
from tests.notifications.conftest import socket, stream, tell, until

TRIAL = "/api/v1/events?topics=trial.a"


async def test_a_caller_has_only_so_many_streams(
    http: httpx.AsyncClient, address: str, settings: Any
) -> None:
    settings.MUSEO_STREAMS_PER_CALLER = 2
    async with stream(http, TRIAL) as one, socket(address) as two:
        await one.next()
        await two.next()
        async with stream(http, TRIAL) as third:
            refused = third.response
        async with socket(address) as fourth:
            said = await fourth.next()

    running = await here()
    await until(lambda: running.connections.count() == 0)
    async with stream(http, TRIAL) as again:
        assert (await again.next())["type"] == "connected"
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
    assert refused.headers["retry-after"] == "5"
    assert said["code"] == "too_many_streams"


async def test_who_watches_is_told_when_the_number_changes(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stats, "STATUS_SECONDS", 0.01)
    async with stream(http, "/mcp") as watcher:
        _connected, first = await watcher.take(2)
        async with stream(http, TRIAL) as other:
            await other.next()
            second = await watcher.next()
            while second["client_count"] < 2:
                second = await watcher.next()
        third = await watcher.next()

    assert [status["client_count"] for status in (first, second, third)] == [1, 2, 1]


async def test_other_processes_are_counted_until_they_fall_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, other = stats.Connections(), stats.Connections()
    other.enter("sse", "192.0.2.1")

    one.hear(other.report())
    one.hear(one.report())

    assert one.count() == 1
    monkeypatch.setattr(stats, "FORGOTTEN_AFTER_SECONDS", -1)
    assert one.count() == 0


async def test_frames_that_come_too_fast_are_refused_and_the_socket_stays(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FRAMES_AT_ONCE", 3)
    monkeypatch.setattr(limits, "FRAMES_PER_SECOND", 0)
    async with socket(address) as client:
        await client.next()
        for _ in range(4):
            await client.say(action="ping")
        answers = await client.take(4)

    assert [answer["type"] for answer in answers] == ["pong", "pong", "pong", "error"]
    assert (answers[3]["code"], answers[3]["retry_after"]) == ("rate_limited", 1)


def test_a_bucket_fills_again() -> None:
    now = 0.0
    bucket = Bucket(rate=2, burst=3, clock=lambda: now)

    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now = 1.0
    assert [bucket.take() for _ in range(3)] == [True, True, False]


async def test_health_and_metrics_tell_of_the_push(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stream(http, TRIAL) as events:
        await events.next()
        page = await http.get("/metrics")
        from_afar = await http.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"})

    await (await here()).look()
    assert health.push().state == "ok"
    monkeypatch.setattr(stats.pulse, "_looked_at", time.monotonic() - 10)
    assert health.push() == health.Part("degraded", "the hub last looked at the log 10 s ago")
    assert 'museo_live_clients{kind="sse"} 1.0' in page.text
    assert from_afar.status_code == 404


async def test_what_no_wake_up_brought_is_counted_as_healed(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wake, "wake", lambda _message: None)
    before = stats.HEALED._value.get()

    async with stream(http, TRIAL) as events:
        await events.next()
        await asyncio.to_thread(tell)
        await events.next()

    assert stats.HEALED._value.get() == before + 1
