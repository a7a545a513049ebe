"""What the shop's words are good for: those that hold a typed one, and those it was meant to be."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from catalog.search import engine, lexicon, words
from catalog.search.index import is_word

# "Vase" is in "Amphorenvase"; of shorter words that would be chance
SHORTEST_PART = 4
# two letters may be wrong in words as long as this
LONG_WORD = 8


@dataclass(frozen=True)
class Known:
    """A typed word: whether products have it, its beginning or stem; words that hold it.

    It is spelled out if these are all, so that to look for its beginning finds no other words.
    """

    is_known: bool
    holding: tuple[str, ...] = ()
    is_spelled_out: bool = False


def look_up(typed: Iterable[str], *, language: str) -> Mapping[str, Known]:
    """In one query. Words too short to tell, and names of models, count as known."""
    stem = lexicon.of(language).stem
    asked = [word for word in dict.fromkeys(typed) if is_word(word)]
    found: dict[str, list[str]] = {}
    patterns = [pattern for word in asked for pattern in _patterns(word, stem(word))]
    for pattern, word in engine.words_like(patterns):
        found.setdefault(pattern, []).append(word)
    known = {}
    for word in asked:
        beginning, *inside = _patterns(word, stem(word))
        holding = [part for pattern in inside for part in found.get(pattern, ())]
        is_spelled_out = bool(inside) and len(holding) < engine.MOST_ALIKE
        is_known = bool(found.get(beginning) or holding)
        known[word] = Known(is_known, tuple(holding), is_spelled_out)
    return known


def _patterns(word: str, stem: str) -> list[str]:
    beginning = f"{stem if len(stem) >= words.SHORTEST_STEM else word}%"
    return [beginning, f"%{word}%"] if len(word) >= SHORTEST_PART else [beginning]


def meant(word: str) -> list[str]:
    """The words that an unknown one may have been meant to be, the likeliest first; at most 3."""
    edits = 2 if len(word) >= LONG_WORD else 1
    near = [
        (distance, other[0] != word[0], abs(len(other) - len(word)), other)
        for other in engine.words_near(word, edits=edits)
        if (distance := words.edits(word, other)) <= edits
    ]
    return [other for *_likeness, other in sorted(near)[:3]]


def completions(beginning: str) -> list[str]:
    """Words that begin so, the shortest first."""
    if not is_word(beginning):
        return []
    return [word for _pattern, word in engine.words_like([f"{beginning}%"]) if word != beginning]
