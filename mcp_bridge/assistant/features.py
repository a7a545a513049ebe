"""What of a message the classifier looks at: its words, parts of words, and ideas.

A feature is the number of a bucket that its text is hashed into: what differs may meet in one,
which costs little. Of numbers, prices, dates, colours and order numbers counts that they are there,
not which they are.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Collection, Iterator, Sequence

from mcp_bridge.assistant import vocabulary
from mcp_bridge.assistant.entities import Entities
from mcp_bridge.assistant.message import Message
from mcp_bridge.assistant.vocabulary import IDLE

BUCKETS = 2**15
MOST_WORDS = 40
MOST_IDEAS = 14
LONGEST_WORD = 16
PARTS = (3, 4, 5)
MASKED = {"colour", "date", "email", "order_number", "percent", "price", "sku"}
# words of a message, up to which two are as long as each other
LENGTHS = (0, 1, 2, 3, 4, 7, 13)
QUESTION_MARKS = ("?", "؟")


def of(heard: Message, found: Entities, marks: Collection[str]) -> Sequence[int]:
    """The buckets of a message, each once; `marks` are what the patterns are asked by."""
    said = {*_words(_said(heard, found)), *_ideas(heard, marks), *_shape(heard)}
    return sorted({zlib.crc32(feature.encode()) % BUCKETS for feature in said})


def _said(heard: Message, found: Entities) -> list[str]:
    words = []
    for token, taken in zip(heard.tokens, found.taken, strict=True):
        word = vocabulary.canonical(token.text, heard.language)
        masked = taken if taken in MASKED else "number" if word.isdecimal() else ""
        words.append(f"#{masked}" if masked else word)
    return words[:MOST_WORDS]


def _words(said: Sequence[str]) -> Iterator[str]:
    for word in said:
        yield f"word {word}"
        if not word.startswith("#"):
            yield from _parts(f"<{word[:LONGEST_WORD]}>")
    row = ["^", *said, "$"]
    yield from (f"two {one} {other}" for one, other in itertools.pairwise(row))
    yield from (f"around {one} {other}" for one, other in zip(row, row[2:], strict=False))


def _parts(word: str) -> Iterator[str]:
    for length in PARTS:
        for start in range(len(word) - length + 1):
            yield f"part {word[start : start + length]}"


def _ideas(heard: Message, marks: Collection[str]) -> Iterator[str]:
    row = list(_row(heard))
    yield from (f"idea {each}" for each in row)
    yield from (f"ideas {one} {other}" for one, other in itertools.pairwise(row))
    named = sorted({_kind(each) for each in marks if each != IDLE})[:MOST_IDEAS]
    yield from (f"mark {each}" for each in named)
    yield from (f"marks {one} {other}" for one, other in itertools.combinations(named, 2))


def _row(heard: Message) -> Iterator[str]:
    """The ideas in their order, with a gap where something else is said."""
    yield "^"
    at = 0
    for phrase in heard.phrases:
        if phrase.start > at:
            yield "_"
        if named := sorted(_kind(each) for each in phrase.meanings if each != IDLE):
            yield "|".join(named)
        at = phrase.stop
    if at < len(heard.tokens):
        yield "_"
    yield "$"


def _kind(meaning: str) -> str:
    """Any day is a day, and any number one."""
    return meaning.partition(":")[0]


def _shape(heard: Message) -> Iterator[str]:
    length = sum(len(heard.tokens) > limit for limit in LENGTHS)
    yield f"length {length}"
    if heard.text.rstrip().endswith(QUESTION_MARKS):
        yield "question"
