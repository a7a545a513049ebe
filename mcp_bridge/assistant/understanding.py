"""What somebody wants: the intent of a message, how sure that is, and what it is about.

Patterns alone tell it: no database, no network, a bounded part of the message, the same answer each
time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mcp_bridge.assistant import entities, message, patterns

UNKNOWN = "unknown"
# keys hit without looking: a row of the keyboard, one letter again and again, no vowel
NOISE = re.compile(r"asdf|qwer|qwez|azer|zxcv|yxcv|hjkl|(.)\1{3}|^[^aeiouyäöüàéè\W\d]{5,}$")
# who is less sure than this has not understood
LEAST_CONFIDENCE = 0.5
# a typing error may have been none
TYPO = 0.97
# in words; who says no more than this and only this looks for it
LONGEST_NAME = 4
# of a shopper's sentence: so much surer it must be what only staff do
STAFF_LEAD = 0.1
MOST_ALTERNATIVES = 3


@dataclass(frozen=True)
class Understanding:
    """`alternatives` are other intents that it may be, the likeliest first."""

    intent: str
    confidence: float
    language: str
    entities: Mapping[str, Any] = field(default_factory=dict)
    pattern: str = ""
    alternatives: Sequence[tuple[str, float]] = ()


def understand(text: str, *, language: str, currency: str, is_staff: bool) -> Understanding:
    """What it says, read in this language; a shopper's words are a shopper's where they can be."""
    heard = message.hear(text, language=language)
    found = entities.read(heard, currency=currency)
    marks = {*heard.meanings, *found.marks}
    if len(str(found.found.get("product", "")).split()) > LONGEST_NAME:
        marks.add("long")
    if found.is_share:
        marks.add("percent")
    if any(each.startswith("day:") for each in marks) or "{date_from}" in marks:
        marks.add("date")
    if not heard.meanings and _is_noise(heard.text):
        return Understanding(UNKNOWN, 0.0, heard.language)
    likely = list(patterns.likely(marks).values())
    if not is_staff:
        likely.sort(key=lambda each: -each.confidence + STAFF_LEAD * each.is_for_staff)
    sure = [each for each in likely if each.confidence >= LEAST_CONFIDENCE]
    if not sure or sure[0].intent == UNKNOWN:
        return Understanding(UNKNOWN, sure[0].confidence if sure else 0.0, heard.language)
    best, *others = sure
    factor = TYPO if heard.typos else 1.0
    offered = [each for each in others if is_staff or not each.is_for_staff]
    return Understanding(
        intent=best.intent,
        confidence=round(best.confidence * factor, 3),
        language=heard.language,
        entities=found.of_intent(best.intent),
        pattern=best.pattern,
        alternatives=[(each.intent, each.confidence) for each in offered if each.intent != UNKNOWN][
            :MOST_ALTERNATIVES
        ],
    )


def _is_noise(text: str) -> bool:
    """Of Latin letters only; others have their vowels elsewhere."""
    said = text.strip().lower()
    return said.isascii() and bool(NOISE.search(said))
