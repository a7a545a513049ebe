"""Learning the weights of the classifier from sentences: multinomial logistic regression.

By AdaGrad, in pure Python: the same sentences give the same weights. Nothing of it is needed to
understand.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from math import sqrt

from mcp_bridge.assistant import classifier
from mcp_bridge.assistant.classifier import Weights
from mcp_bridge.assistant.features import BUCKETS
from mcp_bridge.assistant.sentences import Sentence
from mcp_bridge.assistant.understanding import Said

ROUNDS = 6
RATE = 0.3
# how wrong a probability must be for something to be learned from it
LEAST_ERROR = 0.01
FIRST_CHANGE = 1e-3
SEED = 1

Example = tuple[Sequence[int], str]


def examples(known: Sequence[Sentence], *, language: str) -> list[Example]:
    """What the classifier looks at of each sentence, and its intent."""
    return [(Said(each.text, language).features, each.intent) for each in known]


def weights(learned: Sequence[Example], *, learned_from: str = "") -> Weights:
    """What these examples teach, in this order."""
    intents = tuple(sorted({intent for _features, intent in learned}))
    learner = _Learner(len(intents))
    rows = learner.learn([(features, intents.index(intent)) for features, intent in learned])
    return Weights(intents, bytes(rows), learned_from)


class _Learner:
    def __init__(self, width: int) -> None:
        self.width = width
        self.rows: dict[int, list[float]] = {}
        # of each weight, the squares of what it was changed by
        self.changes: dict[int, list[float]] = {}

    def learn(self, numbered: Sequence[tuple[Sequence[int], int]]) -> bytearray:
        for bucket in {bucket for features, _intent in numbered for bucket in features}:
            self.rows[bucket] = [0.0] * self.width
            self.changes[bucket] = [FIRST_CHANGE] * self.width
        order = list(numbered)
        # the order is the same each time, and no secret
        chance = random.Random(SEED)  # noqa: S311
        for _round in range(ROUNDS):
            chance.shuffle(order)
            for features, intent in order:
                self._see(features, intent)
        return self._small()

    def _see(self, features: Sequence[int], intent: int) -> None:
        rows = [self.rows[bucket] for bucket in features]
        changes = [self.changes[bucket] for bucket in features]
        share = classifier.share(len(features))
        scores = [share * sum(column) for column in zip(*rows, strict=True)]
        for at, probability in enumerate(classifier.softmax(scores)):
            error = probability - (at == intent)
            if abs(error) > LEAST_ERROR:
                _correct(rows, changes, at, error * share)

    def _small(self) -> bytearray:
        """As signed bytes, bucket by bucket."""
        small = bytearray(BUCKETS * self.width)
        for bucket, row in self.rows.items():
            start = bucket * self.width
            small[start : start + self.width] = bytes(map(_rounded, row))
        return small


def _correct(
    rows: Iterable[list[float]], changes: Iterable[list[float]], at: int, slope: float
) -> None:
    square = slope * slope
    for row, changed in zip(rows, changes, strict=True):
        changed[at] += square
        row[at] -= RATE * slope / sqrt(changed[at])


def _rounded(weight: float) -> int:
    """A signed byte, as an unsigned one."""
    most = classifier.MOST
    return max(-most, min(most, round(weight / classifier.SCALE))) % 256
