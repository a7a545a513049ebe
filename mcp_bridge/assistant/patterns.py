"""Patterns of ideas, from `patterns.toml`, and which intents a message may have by them."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FILE = Path(__file__).with_name("patterns.toml")


@dataclass(frozen=True)
class IntentPattern:
    """`pattern` as it is written; `required_entities` are those without which it is none."""

    pattern: str
    intent: str
    confidence: float
    is_for_staff: bool
    required_entities: tuple[str, ...]
    # of each set one must be there
    wanted: tuple[frozenset[str], ...]
    unwanted: frozenset[str]

    def fits(self, said: Collection[str]) -> bool:
        """`said` are ideas, and entities in braces."""
        return self.unwanted.isdisjoint(said) and not any(
            each.isdisjoint(said) for each in self.wanted
        )


@lru_cache
def all() -> tuple[IntentPattern, ...]:
    """The surest first; of equals, as they are written."""
    data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    patterns = [
        _pattern(intent, pattern, confidence, is_for_staff=who == "staff")
        for who, intents in data.items()
        for intent, rows in intents.items()
        for pattern, confidence in rows
    ]
    return tuple(sorted(patterns, key=lambda each: -each.confidence))


def likely(said: Collection[str]) -> Mapping[str, IntentPattern]:
    """The surest pattern of each intent that fits, the surest intent first."""
    found: dict[str, IntentPattern] = {}
    for each in all():
        if each.intent not in found and each.fits(said):
            found[each.intent] = each
    return found


def _pattern(intent: str, text: str, confidence: float, *, is_for_staff: bool) -> IntentPattern:
    parts = text.split()
    wanted = tuple(frozenset(part.split("|")) for part in parts if not part.startswith("!"))
    return IntentPattern(
        pattern=text,
        intent=intent,
        confidence=confidence,
        is_for_staff=is_for_staff,
        required_entities=tuple(
            part.strip("{}") for part in parts if part.startswith("{") and "|" not in part
        ),
        wanted=wanted,
        unwanted=frozenset(part[1:] for part in parts if part.startswith("!")),
    )
