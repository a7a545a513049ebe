"""How shoppers of each language say what they want: phrases from `lexicon/<language>.toml`."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from catalog.search import words

FOLDER = Path(__file__).with_name("lexicon")
LANGUAGES = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))

Phrase = tuple[str, ...]


@dataclass(frozen=True)
class Lexicon:
    """`phrases` tells of each kind what it means: the name of a colour, the code of a currency."""

    language: str
    phrases: Mapping[str, Mapping[Phrase, str]]
    beginnings: tuple[str, ...]
    endings: tuple[tuple[str, str], ...]
    # stems of plurals that no ending makes, with those of their singulars
    plurals: Mapping[str, str]

    def longest(self, kind: str, said: Sequence[str], start: int) -> tuple[int, str]:
        """How many words from `start` on are a phrase of this kind, and what it means."""
        phrases = self.phrases[kind]
        for length in range(min(LONGEST_PHRASE, len(said) - start), 0, -1):
            meaning = phrases.get(tuple(said[start : start + length]))
            if meaning is not None:
                return length, meaning
        return 0, ""

    def stem(self, word: str) -> str:
        stem = words.stem(word, beginnings=self.beginnings, endings=self.endings)
        return self.plurals.get(stem, stem)

    def colours(self, said: Iterable[str]) -> set[str]:
        """The colours among single words."""
        known = self.phrases["colours"]
        return {known[(word,)] for word in said if (word,) in known}


LONGEST_PHRASE = 5


@lru_cache
def of(language: str) -> Lexicon:
    """The lexicon of a language; one without any has no phrases, and words stay as they are."""
    if language not in LANGUAGES:
        return Lexicon(language, _phrases({}), (), (), {})
    data = tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    beginnings, endings = data.pop("beginnings"), data.pop("endings")
    plurals = data.pop("plurals", {})
    plain = Lexicon(
        language,
        _phrases(data),
        tuple(words.fold(beginning) for beginning in beginnings),
        tuple((words.fold(ending), words.fold(instead)) for ending, instead in endings),
        {},
    )
    stems = {
        plain.stem(words.fold(plural)): plain.stem(words.fold(singular))
        for plural, singular in plurals.items()
    }
    return replace(plain, plurals=stems)


KINDS = (
    "asking",
    "fillers",
    "stop",
    "wanting",
    "pieces",
    "under",
    "over",
    "between",
    "and",
    "around",
    "weak",
    "or_less",
    "or_more",
    "units",
    "in_stock",
    "cheapest",
    "dearest",
    "newest",
)


def _phrases(data: Mapping[str, Any]) -> Mapping[str, Mapping[Phrase, str]]:
    plain: dict[str, Mapping[Phrase, str]] = {
        kind: {tuple(words.split(said)): kind for said in data.get(kind, ())} for kind in KINDS
    }
    return {**plain, "colours": _named(data, "colours"), "currency": _named(data, "currencies")}


def _named(data: Mapping[str, Any], table: str) -> Mapping[Phrase, str]:
    return {
        tuple(words.split(said)): name
        for name, phrases in data.get(table, {}).items()
        for said in phrases
    }
