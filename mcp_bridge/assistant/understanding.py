"""What somebody wants: the intent of a message, how sure that is, and what it is about.

The classifier tells which intent it is, from words and ideas; where it is in doubt, a sure pattern
does. No database, no network, a bounded part of the message, the same answer each time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mcp_bridge.assistant import classifier, entities, features, intents, message, patterns
from mcp_bridge.assistant.classifier import Weights
from mcp_bridge.assistant.intents import UNKNOWN
from mcp_bridge.assistant.patterns import IntentPattern

# keys hit without looking: a row of the keyboard, one letter again and again, no vowel
NOISE = re.compile(r"asdf|qwer|qwez|azer|zxcv|yxcv|hjkl|(.)\1{3}|^[^aeiouyäöüàéè\W\d]{5,}$")
# who is less sure than this has not understood
LEAST_CONFIDENCE = 0.2
# what is less likely is no alternative
LEAST_ALTERNATIVE = 0.03
# in words; who says no more than this and only this looks for it
LONGEST_NAME = 4
# where no intent is as probable as the one, a pattern decides that is as sure as the other
IN_DOUBT = 0.4
SURE_PATTERN = 0.85
# so much likelier is it that a shopper says what shoppers do
SHOPPERS_DOUBT = 0.5
MOST_ALTERNATIVES = 3
# so sure is still who knows no word of a message: it may be of another language
UNHEARD = 0.6


@dataclass(frozen=True)
class Understanding:
    """`alternatives` are other intents that it may be, the likeliest first."""

    intent: str
    confidence: float
    language: str
    entities: Mapping[str, Any] = field(default_factory=dict)
    pattern: str = ""
    alternatives: Sequence[tuple[str, float]] = ()


def understand(
    text: str, *, language: str, currency: str, is_staff: bool, weights: Weights | None = None
) -> Understanding:
    """What it says, read in this language; a shopper's words are a shopper's where they can be.

    `weights` are others than those of the language, to measure by.
    """
    said = Said(text, language, currency)
    if not said.heard.tokens or (not said.heard.meanings and _is_noise(said.heard.text)):
        return Understanding(UNKNOWN, 0.0, said.heard.language)
    fitting = patterns.likely(said.marks)
    known = weights or classifier.of(said.heard.language)
    likely = _weighed(known.likely(said.features), fitting, is_staff=is_staff)
    (best, confidence), *others = likely.items()
    if best == UNKNOWN or confidence < LEAST_CONFIDENCE:
        return Understanding(UNKNOWN, round(likely[UNKNOWN], 3), said.heard.language)
    pattern = fitting.get(best)
    return Understanding(
        intent=best,
        confidence=round(confidence * (1.0 if said.heard.meanings else UNHEARD), 3),
        language=said.heard.language,
        entities=said.found.of_intent(best),
        pattern=pattern.pattern if pattern else "",
        alternatives=_alternatives(dict(others), fitting, is_staff=is_staff),
    )


class Said:
    """A message, and all that patterns and classifier ask of it."""

    def __init__(self, text: str, language: str, currency: str = "EUR") -> None:
        self.heard = message.hear(text, language=language)
        self.found = entities.read(self.heard, currency=currency)
        self.marks = {*self.heard.meanings, *self.found.marks}
        if len(str(self.found.found.get("product", "")).split()) > LONGEST_NAME:
            self.marks.add("long")
        if self.found.is_share:
            self.marks.add("percent")
        if any(each.startswith("day:") for each in self.marks) or "{date_from}" in self.marks:
            self.marks.add("date")

    @property
    def features(self) -> Sequence[int]:
        return features.of(self.heard, self.found, self.marks)


def _weighed(
    probable: Mapping[str, float], fitting: Mapping[str, IntentPattern], *, is_staff: bool
) -> dict[str, float]:
    """How probable each intent is, the likeliest first: a sure pattern decides what is in doubt."""
    weighed = {
        intent: probability * (1.0 if is_staff or not _is_for_staff(intent) else SHOPPERS_DOUBT)
        for intent, probability in probable.items()
    }
    surest = next(iter(fitting.values()), None)
    if surest and surest.confidence >= SURE_PATTERN and max(probable.values()) < IN_DOUBT:
        # as much as all that the classifier says
        weighed[surest.intent] = weighed.get(surest.intent, 0.0) + sum(weighed.values())
    whole = sum(weighed.values())
    return {
        intent: weighed[intent] / whole
        for intent in sorted(weighed, key=lambda each: -weighed[each])
    }


def _alternatives(
    others: Mapping[str, float], fitting: Mapping[str, IntentPattern], *, is_staff: bool
) -> list[tuple[str, float]]:
    """Each as sure as its pattern, where that is surer: a message may say more than one thing."""
    sure = {
        intent: round(max(probability, _confidence(fitting.get(intent))), 3)
        for intent, probability in others.items()
        if intent != UNKNOWN and (is_staff or not _is_for_staff(intent))
    }
    likely = [intent for intent in sure if sure[intent] >= LEAST_ALTERNATIVE]
    likely.sort(key=lambda intent: -sure[intent])
    return [(intent, sure[intent]) for intent in likely[:MOST_ALTERNATIVES]]


def _confidence(pattern: IntentPattern | None) -> float:
    return pattern.confidence if pattern else 0.0


def _is_for_staff(intent: str) -> bool:
    return intent in intents.ALL and intents.ALL[intent].is_for_staff


def _is_noise(text: str) -> bool:
    """Of Latin letters only; others have their vowels elsewhere."""
    said = text.strip().lower()
    return said.isascii() and bool(NOISE.search(said))
