"""Learning the weights of the classifier from sentences: multinomial logistic regression.

By AdaGrad, in pure Python: the same sentences give the same weights. A language takes half a
minute; nothing of it is needed to understand.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from math import sqrt

from mcp_bridge.assistant import classifier, sentences
from mcp_bridge.assistant.classifier import Weights
from mcp_bridge.assistant.features import BUCKETS
from mcp_bridge.assistant.sentences import Sentence
from mcp_bridge.assistant.understanding import features

ROUNDS = 8
RATE = 0.3
# who is surer than this of what it says has learned it
LEAST_ERROR = 0.002
SEED = 1

Example = tuple[Sequence[int], int]


def weights(learned: Sequence[Sentence], *, language: str) -> Weights:
    """What these sentences teach, in this order."""
    intents = tuple(sorted({each.intent for each in learned}))
    examples = [
        (features(each.text, language=language), intents.index(each.intent)) for each in learned
    ]
    rows = _Learner(len(intents)).learn(examples)
    return Weights(intents, bytes(rows), sentences.fingerprint(learned))


class _Learner:
    def __init__(self, width: int) -> None:
        self.width = width
        self.rows: dict[int, list[float]] = {}
        # of each weight, the squares of what it was changed by
        self.changes: dict[int, list[float]] = {}

    def learn(self, examples: Sequence[Example]) -> bytearray:
        for found, _intent in examples:
            for bucket in found:
                self.rows.setdefault(bucket, [0.0] * self.width)
                self.changes.setdefault(bucket, [1e-3] * self.width)
        order = list(examples)
        # the order is no secret, and is the same each time
        chance = random.Random(SEED)  # noqa: S311
        for _round in range(ROUNDS):
            chance.shuffle(order)
            for found, intent in order:
                self._see(found, intent)
        return self._small()

    def _see(self, found: Sequence[int], intent: int) -> None:
        rows = [self.rows[bucket] for bucket in found]
        changes = [self.changes[bucket] for bucket in found]
        share = classifier.share(len(found))
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
            small[start : start + self.width] = bytes(_rounded(row))
        return small


def _correct(
    rows: Iterable[list[float]], changes: Iterable[list[float]], at: int, slope: float
) -> None:
    square = slope * slope
    for row, changed in zip(rows, changes, strict=True):
        changed[at] += square
        row[at] -= RATE * slope / sqrt(changed[at])


def _rounded(row: Iterable[float]) -> Iterable[int]:
    for weight in row:
        small = max(-classifier.MOST, min(classifier.MOST, round(weight / classifier.SCALE)))
        yield small % 256
