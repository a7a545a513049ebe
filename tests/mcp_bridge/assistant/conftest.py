"""Talking to the assistant: a guest or a person who says something and hears all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.utils import timezone

from mcp_bridge.assistant import answering, conversations, intake, planning, steps
from mcp_bridge.assistant.planning import Plan, Task
from museo.access.callers import Caller, caller_for_user
from notifications import log
from notifications.envelope import render
from notifications.live.hub import in_thread, running
from tests.mcp_bridge.conftest import person


@dataclass
class Talk:
    """One conversation; `say` waits for the answer, which it returns."""

    caller: Caller
    client_type: str = "web-storefront"
    locale: str = "en"
    conversation_id: str = ""
    messages: list[str] = field(default_factory=list)

    async def say(self, text: str = "", **more: Any) -> dict[str, Any]:
        accepted = await self.accept(text, runner=answering.here().runner, **more)
        await answering.here().start(accepted.message.pk)
        return await self.response()

    async def accept(self, text: str = "", **more: Any) -> intake.Accepted:
        wanted = {"client_type": self.client_type, "locale": self.locale, **more}
        wanted.setdefault("conversation_id", self.conversation_id)
        accepted = await in_thread(intake.accept)(
            self.caller, text=text, now=timezone.now(), **wanted
        )
        self.conversation_id = accepted.message.conversation.public_id
        self.messages.append(accepted.message.public_id)
        return accepted

    async def response(self) -> dict[str, Any]:
        shown = await self.stand()
        assert shown["response"], shown
        found: dict[str, Any] = shown["response"]
        return found

    async def stand(self) -> dict[str, Any]:
        """How the last message stands."""
        found = await in_thread(conversations.find)(
            self.caller, self.messages[-1], now=timezone.now()
        )
        return await in_thread(conversations.show)(found)

    async def events(self, locale: str = "en") -> list[dict[str, Any]]:
        """What was told of the last message."""
        topic = steps.topic(self.caller.process, self.messages[-1])
        return [render(event, locale) for event in await in_thread(log.read)([topic], after=0)]


@pytest.fixture
async def guest(committed: None) -> AsyncIterator[Talk]:
    """Somebody whom nobody knows, at the storefront."""
    yield Talk(caller_for_user(None, locale="en", address="192.0.2.7"))
    if hub := running():
        await hub.stop()


@pytest.fixture
async def staff(committed: None) -> AsyncIterator[Talk]:
    """The owner, in the admin."""
    yield Talk(await person("owner@example.org", role="owner"), client_type="web-admin")
    if hub := running():
        await hub.stop()


class Obedient:
    """Does at once whatever it was told to, wherever it has read it."""

    def __init__(self, *plans: Plan) -> None:
        self.plans = list(plans)
        self.asked: list[Task] = []

    async def plan(self, task: Task, caller: Caller) -> Plan:
        self.asked.append(task)
        return self.plans.pop(0) if self.plans else Plan(answer="Done.")


@pytest.fixture
def ask_a_planner(monkeypatch: pytest.MonkeyPatch) -> Any:
    return lambda planner: monkeypatch.setattr(planning, "_planner", planner)
