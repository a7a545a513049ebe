"""How often intents are read rightly: what was measured, and what was kept of the last time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path

KEPT = Path(__file__).with_name("weights") / "accuracy.json"
# of a normal distribution, on both sides of the middle
WITHIN_95_PERCENT = 1.96


@dataclass(frozen=True)
class Score:
    """Of one language; `recall` has of each intent how many were read rightly, and how many of.

    `who` is the kind of person whose sentences these are, if they are of one.
    """

    language: str
    right: int
    total: int
    recall: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    who: str = ""

    @property
    def accuracy(self) -> float:
        return self.right / self.total

    @property
    def percent(self) -> float:
        return 100 * self.accuracy

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


def keep(scores: Sequence[Score]) -> None:
    """Remember how many of each language were read rightly."""
    counts = {score.language: [score.right, score.total] for score in scores}
    KEPT.write_text(json.dumps(counts) + "\n", encoding="utf-8")


def kept() -> list[Score]:
    """What was remembered, by language."""
    counts = json.loads(KEPT.read_text(encoding="utf-8"))
    return [Score(language, right, total) for language, (right, total) in counts.items()]
