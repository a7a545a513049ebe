"""How often intents are read rightly: accuracy by language, recall by intent.

A set is a folder with a `<language>.jsonl` for each language, a line an utterance:
`{"text": "where is my order", "intent": "track_order", "entities": {}}`. What is told are counts,
never the texts: a set to measure by must not be looked at by who writes the patterns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import orjson
from prometheus_client import Gauge

from mcp_bridge.assistant.understanding import understand

ACCURACY = Gauge(
    "museo_assistant_intent_accuracy",
    "Part of the utterances of the last evaluation whose intent was read rightly",
    ["language"],
    multiprocess_mode="mostrecent",
)
# of a normal distribution, on both sides of the middle
WITHIN_95_PERCENT = 1.96
CURRENCY = "EUR"


class BadSet(ValueError):
    """There is no set, or a line of it is not of the form."""


@dataclass(frozen=True)
class Score:
    """Of one language; `recall` has of each intent how many were read rightly, and how many of."""

    language: str
    right: int
    total: int
    recall: Mapping[str, tuple[int, int]]

    @property
    def accuracy(self) -> float:
        return self.right / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's: within it the accuracy is with a probability of 95 %."""
        share, square = self.accuracy, WITHIN_95_PERCENT**2
        middle = share + square / (2 * self.total)
        spread = WITHIN_95_PERCENT * sqrt(
            share * (1 - share) / self.total + square / (4 * self.total**2)
        )
        whole = 1 + square / self.total
        return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)


def evaluate(folder: Path) -> Iterator[Score]:
    """Each language of the set; raise BadSet. Everything is read as if staff said it."""
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise BadSet(f"{folder} has no <language>.jsonl.")
    for file in files:
        score = _score(file)
        ACCURACY.labels(score.language).set(score.accuracy)
        yield score


def _score(file: Path) -> Score:
    language = file.stem
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for text, intent in _utterances(file):
        found = understand(text, language=language, currency=CURRENCY, is_staff=True)
        total[intent] += 1
        right[intent] += found.intent == intent
    recall = {intent: (right[intent], total[intent]) for intent in sorted(total)}
    return Score(language, right.total(), total.total(), recall)


def _utterances(file: Path) -> list[tuple[str, str]]:
    try:
        lines = [orjson.loads(line) for line in file.read_bytes().splitlines() if line.strip()]
        said = [(str(line["text"]), str(line["intent"])) for line in lines]
    except (ValueError, KeyError, TypeError):
        raise BadSet(f"{file} has a line that is not of the form.") from None
    if not said:
        raise BadSet(f"{file} is empty.")
    return said
