"""Streams of server-sent events, through a real server, a real Valkey and real commits."""

import asyncio
import logging
from contextlib import AsyncExitStack

import httpx
import pytest

from notifications import log, topics
from notifications.live import hub, sse, wake
from notifications.live.hub import in_thread
from notifications.models import LogHead
from tests.notifications.conftest import SECONDS, stream, tell, until

TRIAL = "/api/v1/events?topics=trial.a"


async def test_a_commit_arrives_with_its_cursor(http: httpx.AsyncClient) -> None:
    async with stream(http, TRIAL) as events:
        connected = await events.next()
        position = await in_thread(tell)(color="blue")
        told = await events.next()

    state = await in_thread(log.state)()
    assert events.response.headers["content-type"] == "text/event-stream"
    assert events.response.headers["cache-control"] == "no-cache"
    assert events.response.headers["x-accel-buffering"] == "no"
    assert (connected["type"], connected["topics"]) == ("connected", ["trial.a"])
    assert (connected["epoch"], connected["position"]) == (state.epoch, 0)
    assert told["id"].startswith("evt_")
    assert {**told, "id": ""} == {
        "id": "",
        "type": "trial.told",
        "timestamp": "2026-11-20T12:00:00.000Z",
        "topic": "trial.a",
        "position": position,
        "version": 1,
        "data": {"n": 0, "color": "blue"},
    }
    assert events.cursor == f"{state.epoch}-{position}"


async def test_head_says_what_a_stream_would_be_and_ends(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(SECONDS):
        told = await http.head(TRIAL, headers={"Accept": "text/event-stream"})

    assert (told.status_code, told.content) == (200, b"")
    assert told.headers["content-type"] == "text/event-stream"
    running = hub.running()
    assert running is not None
    await until(lambda: not running._followers.get("trial.a"))


async def test_a_stream_is_for_reading(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(SECONDS):
        told = await http.post(TRIAL, headers={"Accept": "text/event-stream"})

    # of JSON it would be told that only GET is answered
    assert (told.status_code, told.headers["allow"]) == (406, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "path", ["/api/orders/ORD-AAAAAAAA/events", "/api/chat/sse?messageId=ask_1", "/api/chat/sse"]
)
async def test_a_stream_of_the_source_documents_is_for_reading(
    http: httpx.AsyncClient, path: str, method: str
) -> None:
    async with asyncio.timeout(SECONDS):
        told = await http.request(method, path, headers={"Accept-Language": "de"})

    assert (told.status_code, told.headers["allow"]) == (405, "GET, HEAD")
    assert (told.headers["content-type"], told.json()["code"], told.json()["detail"]) == (
        "application/problem+json",
        "method_not_allowed",
        "Senden Sie eine dieser Methoden: GET, HEAD.",
    )


async def test_last_event_id_brings_exactly_the_rest(http: httpx.AsyncClient) -> None:
    await in_thread(tell)(count=5)
    epoch = (await in_thread(log.state)()).epoch

    async with stream(http, TRIAL, **{"Last-Event-ID": f"{epoch}-2"}) as events:
        connected = await events.next()
        rest = await events.versions(3)
        await in_thread(tell)()
        live = await events.next()

    assert connected["position"] == 5
    assert rest == [3, 4, 5]
    assert live["version"] == 6


async def test_a_replay_longer_than_a_page_loses_nothing(http: httpx.AsyncClient) -> None:
    await in_thread(tell)(count=1203)

    async with stream(http, f"{TRIAL}&after=0") as events:
        await events.next()
        versions = await events.versions(1203)

    assert versions == list(range(1, 1204))


async def test_the_header_of_a_reconnecting_browser_beats_the_address(
    http: httpx.AsyncClient,
) -> None:
    await in_thread(tell)(count=3)

    async with stream(http, f"{TRIAL}&after=0", **{"Last-Event-ID": "2"}) as events:
        await events.next()

        assert await events.versions(1) == [3]


async def test_an_event_on_two_followed_topics_is_sent_once(http: httpx.AsyncClient) -> None:
    await in_thread(tell)("trial.a", also=["trial.all"])

    async with stream(http, "/api/v1/events?topics=trial.a,trial.all&after=0") as events:
        await events.next()
        replayed = await events.next()
        await in_thread(tell)("trial.a", also=["trial.all"])
        await in_thread(tell)("trial.b", also=["trial.all"])
        live = await events.take(2)

    assert [event["position"] for event in (replayed, *live)] == [1, 2, 3]


async def test_what_a_filter_leaves_out_still_moves_the_cursor(http: httpx.AsyncClient) -> None:
    await in_thread(tell)()

    async with stream(http, f"{TRIAL}&types=trial.other&after=0") as events:
        await events.next()
        replayed = await events.next()
        first = events.cursor
        await in_thread(tell)()
        live = await events.next()

    assert replayed == {"type": "skip", "topic": "trial.a", "position": 1, "version": 1}
    assert first.endswith("-1")
    assert live == {"type": "skip", "topic": "trial.a", "position": 2, "version": 2}


@pytest.mark.parametrize("cursor", ["99", "ffffffff-1"])
async def test_a_cursor_of_another_log_or_the_future_is_answered_by_a_reset(
    http: httpx.AsyncClient, cursor: str
) -> None:
    await in_thread(tell)(count=2)
    epoch = (await in_thread(log.state)()).epoch

    async with stream(http, f"{TRIAL}&after={cursor}") as events:
        connected, reset = await events.take(2)
        after_reset = events.cursor
        await in_thread(tell)()
        live = await events.next()

    assert connected["type"] == "connected"
    assert (reset["type"], reset["position"]) == ("reset", 2)
    assert reset["snapshot"]["trial.a"]["version"] == 2
    assert after_reset == f"{epoch}-2"
    assert live["version"] == 3


async def test_a_pruned_cursor_is_answered_by_a_reset(http: httpx.AsyncClient) -> None:
    await in_thread(tell)(count=3)
    await in_thread(LogHead.objects.update)(floor=2)
    # a process that was started since: its memory does not reach back
    (await hub.here())._begin(await in_thread(log.state)())

    async with stream(http, f"{TRIAL}&after=1") as events:
        messages = await events.take(2)

    assert [message["type"] for message in messages] == ["connected", "reset"]


async def test_a_cursor_from_a_process_that_is_ahead_is_known(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stream(http, TRIAL):
        monkeypatch.setattr(wake, "wake", lambda _message: None)
        position = await in_thread(tell)()
        assert (await hub.here()).position < position

        async with stream(http, f"{TRIAL}&after={position}") as events:
            connected = await events.next()
            await in_thread(tell)()
            live = await events.next()

    assert connected["position"] == position
    assert live["version"] == 2


async def test_a_ping_tells_the_time_and_keeps_the_cursor(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "PING_SECONDS", 0.01)
    await in_thread(tell)()

    async with stream(http, f"{TRIAL}&after=0") as events:
        await events.take(2)
        cursor = events.cursor
        pings = [await events.ping(), await events.ping()]

    assert [set(ping) for ping in pings] == [{"now"}, {"now"}]
    assert events.cursor == cursor != ""


BAD = [
    (f"{TRIAL}&after=yesterday", 400, "bad_cursor"),
    (f"{TRIAL}&after=-1", 400, "bad_cursor"),
    (f"{TRIAL}&after={'9' * 40}", 400, "bad_cursor"),
    ("/api/v1/events", 404, "not_found"),
    ("/api/v1/events?topics=trial.secret", 404, "not_found"),
    ("/api/v1/events?topics=unheard.of", 404, "not_found"),
    ("/api/v1/events?topics=trial.%00", 404, "not_found"),
    ("/api/v1/events?topics=" + ",".join(f"trial.{n}" for n in range(101)), 400, "too_many_topics"),
    ("/api/v1/orders/ORD-00000000/events", 404, "not_found"),
    ("/api/v1/orders/%00/events", 404, "not_found"),
    (f"{TRIAL}&locale={'x' * 600}&after=x", 400, "bad_cursor"),
    ("/api/chat/sse", 400, "invalid"),
    (f"/api/chat/sse?messageId={'x' * 61}", 400, "invalid"),
    ("/api/chat/sse?messageId=<script>", 404, "not_found"),
]


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json"])
@pytest.mark.parametrize(("path", "status", "code"), BAD)
async def test_bad_input_is_answered_by_a_problem(
    http: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    accept: str,
    path: str,
    status: int,
    code: str,
) -> None:
    answer = await http.get(path, headers={"Accept": accept})

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert answer.json()["detail"]
    assert answer.json()["correlation_id"] == answer.headers["x-correlation-id"]
    assert not [line for line in caplog.records if line.levelno >= logging.ERROR]


async def test_the_source_documents_address_has_the_fields_at_top_level(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics.register(
        "order",
        may_read=lambda wanted: [set(names) for _caller, names in wanted],
        snapshot=lambda *_: {},
    )
    await in_thread(tell)("order.ORD-1", order_id="ORD-1", status="placed", status_message="Yes!")

    async with stream(http, "/api/orders/ORD-1/events", Accept="*/*") as events:
        connected, told = await events.take(2)

    assert (connected["type"], connected["orderId"]) == ("connected", "ORD-1")
    assert (told["orderId"], told["order_id"]) == ("ORD-1", "ORD-1")
    assert (told["status"], told["message"]) == ("placed", "Yes!")
    assert (told["type"], told["timestamp"]) == ("trial.told", "2026-11-20T12:00:00.000Z")
    assert told["data"]["status_message"] == "Yes!"


async def test_the_page_goes_on_where_it_ended(http: httpx.AsyncClient) -> None:
    await in_thread(tell)(count=3)

    first = (await http.get(f"{TRIAL}&limit=2")).json()
    rest = (await http.get(f"{TRIAL}&after={first['next']}")).json()
    end = (await http.get(f"{TRIAL}&after={rest['next']}")).json()

    assert [event["version"] for event in first["events"]] == [1, 2]
    assert [event["version"] for event in rest["events"]] == [3]
    assert (end["events"], end["next"]) == ([], rest["next"])


async def test_a_page_that_waits_is_answered_by_the_next_event(http: httpx.AsyncClient) -> None:
    await in_thread(tell)()
    epoch = (await in_thread(log.state)()).epoch

    waiting = asyncio.create_task(http.get(f"{TRIAL}&after={epoch}-1&wait=25", timeout=30))
    await until(lambda: bool(hub.running() and hub.running()._subscriptions))  # type: ignore[union-attr]
    assert not waiting.done()
    await in_thread(tell)()
    page = (await asyncio.wait_for(waiting, SECONDS)).json()

    assert [event["version"] for event in page["events"]] == [2]


async def test_two_hundred_clients_hear_a_hundred_events_each(http: httpx.AsyncClient) -> None:
    async with AsyncExitStack() as opened:
        limits = httpx.Limits(max_connections=None)
        client = httpx.AsyncClient(base_url=http.base_url, limits=limits, timeout=SECONDS)
        await opened.enter_async_context(client)
        streams = [await opened.enter_async_context(stream(client, TRIAL)) for _ in range(200)]
        for events in streams:
            await events.next()

        for _ in range(20):
            await in_thread(tell)(count=5)

        async with asyncio.timeout(60):
            for events in streams:
                assert await events.versions(100) == list(range(1, 101))
