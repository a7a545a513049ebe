"""People talk to the assistant while Valkey and the live process die: all is answered once.

Two hundred conversations in the long form, a dozen in the short one.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.clients.orders import Desk
from tests.faults.test_chaos import kill
from tests.processes import TLS, until

SAYINGS = ("Do you have iPhone 15?", "Add it to my basket", "What is in my basket?", "hello")
# a bound, no measure: for all of them, and more for each
PATIENCE_SECONDS, PATIENCE_EACH = 120, 4
# between two tries to come back
PAUSE_SECONDS = 0.2


@pytest.fixture
def conversations(request: pytest.FixtureRequest) -> int:
    return 200 if request.config.getoption("--long") else 12


@dataclass
class Talker:
    """Says one thing after the other, and says it again under its key until it is answered."""

    address: str
    name: str
    rounds: int
    conversation_id: str = ""
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    returns: int = -1

    async def talk(self) -> None:
        while len(self.answers) < self.rounds * len(SAYINGS):
            self.returns += 1
            with suppress(OSError, WebSocketException, TimeoutError):
                async with connect(f"{self.address}/ws/assistant/", open_timeout=5) as line:
                    await self._say_all(line)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _say_all(self, line: ClientConnection) -> None:
        for number in range(self.rounds * len(SAYINGS)):
            key = f"{self.name}-{number}"
            if key not in self.answers:
                self.answers[key] = await self._say(line, SAYINGS[number % len(SAYINGS)], key)

    async def _say(self, line: ClientConnection, text: str, key: str) -> dict[str, Any]:
        said = {"message": text, "key": key, "conversationId": self.conversation_id}
        await line.send(json.dumps(said))
        while True:
            told: dict[str, Any] = json.loads(await line.recv())
            if told["type"] == "accepted":
                self.conversation_id = told["conversationId"]
            elif told["type"] == "response":
                return told
            elif told["type"] == "refused":
                # nothing was done: come back and say it again
                raise OSError(told["code"])


async def test_every_message_is_answered_once_whatever_dies(calm: Desk, conversations: int) -> None:
    shop = calm.shop
    address = shop.address.replace("http:", "ws:")
    talkers = [Talker(address, f"talker-{each}", rounds=3) for each in range(conversations)]
    talking = [asyncio.create_task(each.talk()) for each in talkers]

    patience = PATIENCE_SECONDS + PATIENCE_EACH * conversations
    async with asyncio.timeout(patience):
        await until(lambda: any(each.answers for each in talkers), seconds=patience)
        kill(shop, "valkey-server")
        await until(lambda: any(len(each.answers) >= 3 for each in talkers), seconds=patience)
        kill(shop, "uvicorn")
        await asyncio.gather(*talking)

    assert any(each.returns for each in talkers), "nobody was cut off"
    async with httpx.AsyncClient(base_url=shop.address, timeout=30, verify=TLS) as client:
        for each in talkers:
            path = f"/api/v1/assistant/conversations/{each.conversation_id}"
            _check(each, (await client.get(path)).json())


def _check(talker: Talker, kept: dict[str, Any]) -> None:
    """What is kept is what was heard: each thing said once, in its order, with its one answer."""
    said = [message["said"] for message in kept["messages"]]
    assert said == list(SAYINGS) * talker.rounds
    assert [each["response"] for each in kept["messages"]] == list(talker.answers.values())
    states = {each["state"] for each in kept["messages"]}
    assert states == {"done"}
    # what was begun and not ended is refused in words, and never done again
    baskets = [
        line["quantity"]
        for each in kept["messages"]
        if (basket := each["response"]["data"].get("basket"))
        for line in basket["lines"]
    ]
    assert baskets == sorted(baskets)
    assert baskets[-1] <= talker.rounds
