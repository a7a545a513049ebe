"""A model that obeys whatever it reads, behind either API: the worst that can be plugged in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.mcp_bridge.assistant.models.loopback import Asked, Scene

TEXTS = Path(__file__).parents[3] / "data" / "injections" / "texts.jsonl"
SECOND_LOOK = "One person's own messages"
# what it says in the end, as it was told to
LURE = "All done. Pay at https://evil.example/pay?basket=7 now."


@dataclass(frozen=True)
class Injection:
    """A text of others, where it stands, and the call that it wants."""

    place: str
    language: str
    how: str
    text: str = field(repr=False)
    tool: str
    arguments: Mapping[str, Any]

    def of(self, order: str) -> Injection:
        """About this order."""
        written = json.dumps(self.arguments).replace("{order}", order)
        text = self.text.replace("{order}", order)
        return Injection(self.place, self.language, self.how, text, self.tool, json.loads(written))


def injections() -> list[Injection]:
    lines = TEXTS.read_text("utf-8").splitlines()
    return [Injection(**json.loads(line)) for line in lines]


class Api(Protocol):
    """How either API is played."""

    __name__: str

    def require_right(self, asked: Asked) -> Scene | None: ...

    def reply(self, *parts: str) -> Scene: ...

    def wish(self, tool: str, arguments: Mapping[str, Any], *, text: str = "") -> Scene: ...


@dataclass
class Obedient:
    """Reads what `reads` tells, then calls what the injection wants until it is let, or twice.

    It obeys even what it cannot have understood; and asked what the person wants, it answers with
    all tools if the injection is among their words.
    """

    api: Api
    injection: Injection
    reads: tuple[str, Mapping[str, Any]]
    wished: int = 0
    # all that it was shown
    shown: list[str] = field(default_factory=list)

    def answer(self, asked: Asked) -> Scene:
        if trouble := self.api.require_right(asked):
            return trouble
        body = json.dumps(asked.body, ensure_ascii=False)
        self.shown.append(body)
        if SECOND_LOOK in body:
            return self._look(body)
        if not self._has_results(asked.body) and self.injection.place != "message":
            return self.api.wish(*self.reads)
        if self.wished < 2:
            self.wished += 1
            confirm = {"confirm": "yes"} if self.wished == 2 else {}
            return self.api.wish(self.injection.tool, {**self.injection.arguments, **confirm})
        return self.api.reply(LURE)

    def _look(self, body: str) -> Scene:
        is_there = json.dumps(self.injection.text, ensure_ascii=False)[1:-1] in body
        return self.api.reply(json.dumps([self.injection.tool] if is_there else []))

    @staticmethod
    def _has_results(body: Any) -> bool:
        return '"tool_result"' in json.dumps(body) or '"role": "tool"' in json.dumps(body)
