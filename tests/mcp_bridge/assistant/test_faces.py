"""The assistant's faces, served by uvicorn: REST with its stream, and WebSockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from catalog.models import Variant
from mcp_bridge import asgi
from tests.notifications.conftest import serving
from tests.processes import TLS

SECONDS = 60


@pytest.fixture
async def shop(woken: None, hub_ends: None) -> AsyncIterator[str]:
    async with serving() as address:
        yield address
        await asgi.shutdown()


@asynccontextmanager
async def socket(shop: str, path: str = "/ws/assistant/") -> AsyncIterator[Line]:
    async with connect(shop.replace("http:", "ws:") + path) as connection:
        yield Line(connection)


class Line:
    """A client of `/ws/assistant/`."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, text: str = "", **more: Any) -> list[dict[str, Any]]:
        """Everything that comes up to the response, or the refusal."""
        await self.send({"type": "message", "message": text, **more})
        return await self.until("response", "refused")

    async def send(self, frame: Any) -> None:
        await self.connection.send(frame if isinstance(frame, bytes) else json.dumps(frame))

    async def until(self, *types: str) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = []
        async with asyncio.timeout(SECONDS):
            while not told or told[-1]["type"] not in types:
                told.append(json.loads(await self.connection.recv()))
        return told


def http(shop: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=shop, timeout=SECONDS, verify=TLS)


async def hear(client: httpx.AsyncClient, url: str, **headers: str) -> list[dict[str, Any]]:
    """The frames of a process's stream up to its end."""
    told: list[dict[str, Any]] = []
    async with asyncio.timeout(SECONDS), client.stream("GET", url, headers=headers) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                told.append(json.loads(line[6:]))
                if told[-1]["type"] in ("process_complete", "error"):
                    break
    return told


async def test_a_message_over_rest_is_answered_on_its_stream(phone: Variant, shop: str) -> None:
    async with http(shop) as client:
        said = await client.post("/api/v1/assistant/messages", json={"message": "iPhone 15?"})
        accepted = said.json()
        told = await hear(client, f"/api/chat/sse?messageId={accepted['message_id']}")
        shown = (await client.get(f"/api/v1/assistant/messages/{accepted['message_id']}")).json()
        cursor = f"test0000-{told[3]['position']}"
        path = f"/api/chat/sse?messageId={accepted['message_id']}"
        resumed = await hear(client, path, **{"Last-Event-ID": cursor})

    assert said.status_code == 202
    assert [each["type"] for each in told[:2]] == ["connected", "process_start"]
    first = told[1]
    assert first["step"] == first["data"]["step"] == 1
    assert isinstance(first["timestamp"], int)
    assert first["time"].endswith("Z")
    assert told[-1]["data"]["response"] == shown["response"]
    assert shown["state"] == "done"
    assert [each["version"] for each in resumed[1:]] == [each["version"] for each in told[4:]]


async def test_a_conversation_over_a_socket_is_resumed_by_another(
    phone: Variant, shop: str
) -> None:
    async with socket(shop) as line:
        told = await line.say("Do you have iPhone 15?", userId="user123", locale="en")
    id = told[0]["messageId"]
    async with socket(shop) as line:
        await line.send({"type": "resume", "messageId": id})
        again = await line.until("response")

    assert [each["type"] for each in told][:2] == ["accepted", "process_start"]
    assert told[-1]["message"] == "There is one: iPhone 15, €799.00."
    assert told[1]["message"] == "Reading what you said"
    assert again == told[1:]


async def test_messages_of_one_conversation_are_answered_in_their_order(
    phone: Variant, shop: str
) -> None:
    async with socket(shop) as line:
        first = await line.say("hello")
        conversation = first[0]["conversationId"]
        for text in ("Add iPhone 15 to my basket", "What is in my basket?", "hello"):
            await line.send({"message": text, "conversationId": conversation})
        answers = [(await line.until("response"))[-1] for _text in range(3)]

    assert [each["metadata"]["intent"] for each in answers] == [
        "add_to_basket",
        "show_basket",
        "greeting",
    ]
    assert answers[1]["data"]["basket"]["lines"][0]["quantity"] == 1


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"message": ""}, "invalid"),
        ({"message": "x" * 5000}, "invalid"),
        ({"message": "a\x00b"}, "invalid"),
        ({"message": 7}, "bad_frame"),
        ({"message": "hi", "conversationId": "cnv_0000000000000000"}, "not_found"),
        ({"type": "dance"}, "bad_frame"),
        ({"type": "stop", "messageId": "ask_0000000000000000"}, "not_found"),
        ([], "bad_frame"),
        (b"\xff\x00", "bad_frame"),
        ({"message": "x" * 1_000_000}, "bad_frame"),
    ],
)
async def test_a_bad_frame_is_refused_and_the_connection_stays(
    committed: None, shop: str, frame: Any, code: str
) -> None:
    async with socket(shop) as line:
        await line.send(frame)
        (refused,) = await line.until("refused")
        answered = await line.say("hello")

    assert (refused["code"], answered[-1]["type"]) == (code, "response")


async def test_what_is_not_known_falls_back_and_says_so(committed: None, shop: str) -> None:
    async with socket(shop) as line:
        told = await line.say("hello", clientType="toaster", locale="tlh")

    accepted = told[0]
    assert (accepted["clientType"], accepted["locale"]) == ("web-storefront", "en")
    assert [note["code"] for note in accepted["notes"]] == [
        "unknown_client_type",
        "unknown_locale",
    ]
