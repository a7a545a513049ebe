"""Which intent a message is most like, by weights that were learned from sentences (`training`).

A weight is a small whole number for each bucket of features and each intent. There is a file for
each language, `weights/<language>.bin`: a zlib stream of a line of JSON and the rows of weights.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, sqrt
from pathlib import Path

FOLDER = Path(__file__).with_name("weights")
# of a weight as it is kept
SCALE = 1 / 48
MOST = 127


@dataclass(frozen=True)
class Weights:
    """`rows` has a row for each bucket, a signed byte for each of `intents`.

    `learned_from` is the hash of the sentences.
    """

    intents: tuple[str, ...]
    rows: bytes
    learned_from: str = ""

    def likely(self, features: Sequence[int]) -> Mapping[str, float]:
        """How probable each intent is; what nothing is known of is all alike."""
        width = len(self.intents)
        table = memoryview(self.rows).cast("b")
        rows = [table[at * width : at * width + width] for at in features]
        weight = SCALE * share(len(features))
        scores = [weight * sum(column) for column in zip(*rows, strict=True)] or [0.0] * width
        return dict(zip(self.intents, softmax(scores), strict=True))

    def packed(self) -> bytes:
        head = json.dumps({"intents": self.intents, "learned_from": self.learned_from})
        return zlib.compress(head.encode() + b"\n" + self.rows, 9)


def share(count: int) -> float:
    """What each of so many features adds: long messages have no more to say than short ones."""
    return 1 / sqrt(count + 1)


def softmax(scores: Sequence[float]) -> list[float]:
    most = max(scores)
    powers = [exp(score - most) for score in scores]
    whole = sum(powers)
    return [power / whole for power in powers]


@lru_cache
def of(language: str) -> Weights:
    """The weights of one of the vocabulary's languages."""
    return unpacked((FOLDER / f"{language}.bin").read_bytes())


def unpacked(packed: bytes) -> Weights:
    head, _newline, rows = zlib.decompress(packed).partition(b"\n")
    data = json.loads(head)
    return Weights(tuple(data["intents"]), rows, data["learned_from"])
