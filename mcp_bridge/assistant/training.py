"""Learning the weights of the classifier from sentences: multinomial logistic regression.

What ideas are which intent is learned from all languages, then everything from the one. By
AdaGrad, in pure Python: the same sentences give the same weights. Nothing of it is needed to
understand.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from mcp_bridge.assistant import classifier, sentences
from mcp_bridge.assistant.classifier import Weights
from mcp_bridge.assistant.features import BUCKETS
from mcp_bridge.assistant.sentences import Sentence
from mcp_bridge.assistant.understanding import Said

ROUNDS_OF_ALL = 2
ROUNDS = 6
RATE = 0.3
# how wrong a probability must be for something to be learned from it
LEAST_ERROR = 0.01
FIRST_CHANGE = 1e-3
SEED = 1

Example = tuple[Sequence[int], int]


@dataclass(frozen=True)
class Lesson:
    """A sentence, and what the classifier looks at; `ideas` are those features of no language."""

    said: Sentence
    features: Sequence[int]
    ideas: Sequence[int]


class School:
    """The sentences of all languages, looked at once."""

    def __init__(self, known: Mapping[str, Sequence[Sentence]]) -> None:
        self.fingerprint = sentences.fingerprint(known)
        self.intents = tuple(sorted({each.intent for said in known.values() for each in said}))
        self.lessons = {
            language: [_lesson(each, language) for each in said] for language, said in known.items()
        }

    def weights(self, language: str, *, without: str = "") -> Weights:
        """What they teach of a language; `without` leaves a kind of person out, in all."""
        learner = _Learner(len(self.intents))
        for other, lessons in self.lessons.items():
            if other != language:
                learner.meet(self._example(each, each.ideas) for each in _but(lessons, without))
        learner.learn(ROUNDS_OF_ALL)
        learner.examples.clear()
        own = _but(self.lessons[language], without)
        learner.meet(self._example(each, each.features) for each in own)
        learner.learn(ROUNDS)
        return Weights(self.intents, bytes(learner.small()), self.fingerprint)

    def _example(self, lesson: Lesson, features: Sequence[int]) -> Example:
        return features, self.intents.index(lesson.said.intent)


def _lesson(each: Sentence, language: str) -> Lesson:
    said = Said(each.text, language)
    return Lesson(each, said.features, said.ideas)


def _but(lessons: Sequence[Lesson], who: str) -> Sequence[Lesson]:
    return [each for each in lessons if not who or each.said.who != who]


class _Learner:
    def __init__(self, width: int) -> None:
        self.width = width
        self.examples: list[Example] = []
        self.rows: dict[int, list[float]] = {}
        # of each weight, the squares of what it was changed by
        self.changes: dict[int, list[float]] = {}
        # the order is the same each time, and no secret
        self.chance = random.Random(SEED)  # noqa: S311

    def meet(self, examples: Iterable[Example]) -> None:
        for features, intent in examples:
            self.examples.append((features, intent))
            for bucket in features:
                self.rows.setdefault(bucket, [0.0] * self.width)
                self.changes.setdefault(bucket, [FIRST_CHANGE] * self.width)

    def learn(self, rounds: int) -> None:
        for _round in range(rounds):
            self.chance.shuffle(self.examples)
            for features, intent in self.examples:
                self._see(features, intent)

    def _see(self, features: Sequence[int], intent: int) -> None:
        rows = [self.rows[bucket] for bucket in features]
        changes = [self.changes[bucket] for bucket in features]
        share = classifier.share(len(features))
        scores = [share * sum(column) for column in zip(*rows, strict=True)]
        for at, probability in enumerate(classifier.softmax(scores)):
            error = probability - (at == intent)
            if abs(error) > LEAST_ERROR:
                _correct(rows, changes, at, error * share)

    def small(self) -> bytearray:
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
