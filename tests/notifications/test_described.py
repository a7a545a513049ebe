"""What is pushed is what `/asyncapi.json` says: frames of real servers against the document."""

from typing import Any

import httpx

from notifications.live.hub import in_thread
from tests import asyncapi
from tests.notifications.conftest import socket, stream, tell

EVENT = "event"


async def test_frames_of_a_socket_are_those_of_the_document(address: str) -> None:
    socket_says = asyncapi.of("socket")
    frames: list[Any] = []
    async with socket(address) as client:
        frames.append(await client.next())
        for said, count in SAID:
            assert socket_says.names(said) == {NAMES[said["action"]]}
            await client.say(**said)
            frames += await client.take(count)
        await in_thread(tell)("trial.a")
        await in_thread(tell)("trial.b")
        frames += await client.take(2)
        await client.say(action="dance")
        await client.say(action="subscribe", topics=["trial.a"], after="ffffffff-1")
        frames += await client.take(2)

    told = [socket_says.names([frame]) for frame in frames]
    assert all(names == {name_of(frame)} for names, frame in zip(told, frames, strict=True))
    assert {name_of(frame) for frame in frames} == {
        "connected",
        "subscribed",
        "unsubscribed",
        "filtered",
        "acked",
        "status",
        "pong",
        "skip",
        EVENT,
        "error",
        "reset",
    }


async def test_frames_of_a_stream_are_those_of_the_document(http: httpx.AsyncClient) -> None:
    stream_says = asyncapi.of("topics")
    async with stream(http, "/api/v1/events?topics=trial.a&after=ffffffff-1") as events:
        connected, reset = await events.next(), await events.next()
        await in_thread(tell)("trial.a")
        told = await events.next()

    assert stream_says.names(connected) == {"connected"}
    assert stream_says.names(reset) == {"reset"}
    assert stream_says.names(told) == {EVENT}


SAID: list[tuple[dict[str, Any], int]] = [
    ({"action": "subscribe", "topics": ["trial.a", "trial.b", "trial.c"]}, 1),
    ({"action": "unsubscribe", "topics": ["trial.c"]}, 1),
    ({"action": "filter", "types": ["trial.other"], "topics": ["trial.b"]}, 1),
    ({"action": "ack", "position": 0}, 1),
    ({"action": "status"}, 1),
    ({"action": "ping"}, 1),
]
NAMES = {
    **{said["action"]: said["action"] for said, _count in SAID},
    "status": "askStatus",
    "ping": "askPing",
}


def name_of(frame: dict[str, Any]) -> str:
    return EVENT if "id" in frame else str(frame["type"])
