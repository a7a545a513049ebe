"""The WebSocket of events, through a real server, a real Valkey and real commits."""

import json
import logging
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from notifications.live import hub
from notifications.live.hub import in_thread
from tests.notifications.conftest import socket, tell, until


def position() -> int:
    """How far the served hub has come."""
    running = hub.running()
    return running.position if running else -1


async def test_a_subscriber_hears_commits_as_envelopes(address: str) -> None:
    async with socket(address) as client:
        connected = await client.next()
        await client.say(action="subscribe", topics=["trial.a"])
        subscribed = await client.next()
        await in_thread(tell)(color="blue")
        told = await client.next()

    assert connected["type"] == "connected"
    assert (subscribed["type"], subscribed["topics"]) == ("subscribed", ["trial.a"])
    assert (subscribed["epoch"], subscribed["position"]) == (connected["epoch"], 0)
    assert (told["type"], told["topic"], told["version"]) == ("trial.told", "trial.a", 1)
    assert told["data"] == {"n": 0, "color": "blue"}


async def test_a_position_brings_exactly_the_rest(address: str) -> None:
    await in_thread(tell)(count=4)

    async with socket(address) as client:
        await client.next()
        await client.say(action="subscribe", topics=["trial.a"], after=2)
        subscribed, *rest = await client.take(3)
        await in_thread(tell)()
        live = await client.next()

    assert subscribed["type"] == "subscribed"
    assert [event["version"] for event in (*rest, live)] == [3, 4, 5]


async def test_a_cursor_of_another_log_is_answered_by_a_reset(address: str) -> None:
    await in_thread(tell)(count=2)

    async with socket(address) as client:
        await client.next()
        await client.say(action="subscribe", topics=["trial.a"], after="ffffffff-1")
        reset = await client.next()

    assert (reset["type"], reset["position"]) == ("reset", 2)
    assert reset["snapshot"]["trial.a"]["version"] == 2


async def test_what_was_heard_on_one_topic_is_not_replayed_on_another(address: str) -> None:
    async with socket(address) as client:
        await client.next()
        await in_thread(tell)("trial.a", also=["trial.all"])
        await until(lambda: position() == 1)
        await client.say(action="subscribe", topics=["trial.all"])
        await client.next()
        await in_thread(tell)("trial.a", also=["trial.all"])
        heard = await client.next()
        await client.say(action="subscribe", topics=["trial.a"], after=0)
        subscribed, missed = await client.take(2)
        await in_thread(tell)("trial.a", also=["trial.all"])
        live = await client.next()

    assert subscribed["type"] == "subscribed"
    assert [event["version"] for event in (heard, missed, live)] == [2, 1, 3]


async def test_each_subscription_has_its_own_filter(address: str) -> None:
    async with socket(address) as client:
        await client.next()
        await client.say(action="subscribe", topics=["trial.a"], types=["trial.other"])
        await client.say(action="subscribe", topics=["trial.b"])
        await client.take(2)
        await in_thread(tell)("trial.a")
        await in_thread(tell)("trial.b")
        skipped, told = await client.take(2)

    assert skipped == {"type": "skip", "topic": "trial.a", "position": 1, "version": 1}
    assert told["topic"] == "trial.b"


async def test_an_unsubscriber_hears_no_more(address: str) -> None:
    async with socket(address) as client:
        await client.next()
        await client.say(action="subscribe", topics=["trial.a", "trial.b"])
        await client.say(action="unsubscribe", topics=["trial.a"])
        _subscribed, unsubscribed = await client.take(2)
        await in_thread(tell)("trial.a")
        await in_thread(tell)("trial.b")
        told = await client.next()

    assert unsubscribed == {"type": "unsubscribed", "topics": ["trial.a"]}
    assert told["topic"] == "trial.b"


BAD: list[tuple[str | bytes, str]] = [
    ("{", "bad_json"),
    (b"\x00\x01", "bad_frame"),
    ('"subscribe"', "bad_frame"),
    ("[]", "bad_frame"),
    ("{}", "unknown_action"),
    ('{"action": "dance"}', "unknown_action"),
    ('{"action": "ack", "position": 99}', "invalid"),
    ('{"action": "ack", "position": "1"}', "bad_frame"),
    ('{"action": "filter", "types": "all"}', "bad_frame"),
    ('{"action": "subscribe"}', "bad_frame"),
    ('{"action": "subscribe", "topics": "trial.a"}', "bad_frame"),
    ('{"action": "subscribe", "topics": [1]}', "bad_frame"),
    ('{"action": "subscribe", "topics": ["trial.a"], "after": "yesterday"}', "bad_cursor"),
    ('{"action": "subscribe", "topics": ["trial.a"], "after": {}}', "bad_cursor"),
    ('{"action": "subscribe", "topics": ["trial.a"], "types": "x"}', "bad_frame"),
    ('{"action": "subscribe", "topics": ["trial.secret"]}', "not_found"),
    ('{"action": "subscribe", "topics": ["trial.\\u0000"]}', "not_found"),
    ('{"action": "ping", "pad": "%s"}' % ("x" * 70_000), "bad_frame"),
    (json.dumps({"action": "subscribe", "topics": [f"trial.{n}" for n in range(101)]}),
     "too_many_topics"),
]  # fmt: skip


async def test_bad_frames_are_answered_and_the_connection_stays(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with socket(address) as client:
        await client.next()
        for frame, code in BAD:
            await client.say_raw(frame)
            answer = await client.next()
            assert (answer["type"], answer["code"]) == ("error", code), frame
            assert answer["message"]
        await client.say(action="ping")
        pong = await client.next()

    assert pong["type"] == "pong"
    assert not [line for line in caplog.records if line.levelno >= logging.ERROR]


async def test_topics_in_the_address_are_followed_at_once(address: str) -> None:
    await in_thread(tell)()

    async with socket(address, "?topics=trial.a&after=0") as client:
        messages = await client.take(3)

    assert [message["type"] for message in messages] == ["connected", "subscribed", "trial.told"]


@pytest.mark.parametrize(("query", "code"), [("", 4401), ("&ticket=stolen", 4404)])
async def test_topics_that_may_not_be_read_close_the_socket(
    address: str, query: str, code: int
) -> None:
    async with socket(address, f"?topics=trial.secret{query}") as client:
        with pytest.raises(ConnectionClosed) as closed:
            await client.take(2)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code


async def test_another_origin_is_refused(address: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with socket(address, origin="https://evil.example"):
            pass

    assert refused.value.response.status_code == 403


async def test_another_host_is_refused(address: str) -> None:
    at = urlsplit(address)

    with pytest.raises(InvalidStatus) as refused:
        async with socket("http://evil.example", host=at.hostname, port=at.port):
            pass

    assert refused.value.response.status_code == 403


async def test_the_own_origin_is_let_in(address: str) -> None:
    async with socket(address, origin=address) as client:
        assert (await client.next())["type"] == "connected"


async def test_a_shop_that_restarts_says_so(address: str) -> None:
    async with socket(address, "?topics=trial.a") as client:
        await client.take(2)
        (await hub.here()).close()
        with pytest.raises(ConnectionClosed) as closed:
            await client.next()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
