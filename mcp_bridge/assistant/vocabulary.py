"""What people call things, language by language: phrases of `languages/*.toml` and what they mean.

A meaning is an idea (`cancel`, `basket`), a `day:friday`, a `number:12`, or IDLE, which says
nothing of its own. Typing errors are forgiven, as far as no other word is meant by them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from catalog.search import lexicon, words

FOLDER = Path(__file__).with_name("languages")
LANGUAGES = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))
IDLE = "idle"
ONLY_IDLE = frozenset({IDLE})
# of the search's lexicon: small words
IDLE_KINDS = ("fillers", "stop", "asking", "wanting", "pieces")
# of so many things that nothing is taken for a misspelled one: "linen" is not "lined"
OPEN = {
    "attribute",
    "broken",
    "likes",
    "lost",
    "maybe_off_topic",
    "off_topic",
    "policy",
    "property",
}
# a shorter word is too easily another one
SHORTEST_TYPO = 4
# two letters may be wrong in words as long as this
LONG_WORD = 8

REPEATED = re.compile(r"(.)\1{2,}")
# "loeschen" is "löschen", but "neue" has no umlaut
GERMAN_VOWEL = re.compile("(?<=[ao])e|(?<![aeq]u)(?<=u)e")
# the article, and what is written onto it
ARABIC_ARTICLE = re.compile("^(?:[وفبك]?ال|لل)(?=..)")
# and, so, with, for, as, will
ARABIC_PARTICLES = "وفبلكس"

Meanings = frozenset[str]


@dataclass
class Node:
    """A place in phrases; `then` goes on by a word, `beginning` by any word that begins so."""

    then: dict[str, Node] = field(default_factory=dict)
    beginning: dict[str, Node] = field(default_factory=dict)
    meanings: set[str] = field(default_factory=set)

    def after(self, word: str) -> Iterator[Node]:
        if (node := self.then.get(word)) is not None:
            yield node
        if self.beginning:
            for length in range(len(word), 1, -1):
                if (node := self.beginning.get(word[:length])) is not None:
                    yield node


@dataclass(frozen=True)
class Match:
    """The words up to `stop` mean this."""

    stop: int
    meanings: Meanings


class Vocabulary:
    """All phrases of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.anywhere, self.at_start = Node(), Node()
        self.known: set[str] = set()
        # a word without one of its letters, and the words that it is of
        self.without_letter: dict[str, set[str]] = {}
        self._forms: dict[str, tuple[str, ...]] = {}
        for meaning, phrases in _phrases(language):
            for phrase in phrases:
                self._add(phrase, meaning)

    def match(self, said: Sequence[tuple[str, ...]], at: int, *, is_start: bool) -> Match | None:
        """The longest phrase from `at` on; `said` has the forms of each word.

        One that only fills a gap gives way to any that says something.
        """
        found = list(_walk(self.anywhere, said, at))
        if is_start:
            found += _walk(self.at_start, said, at)
        saying = [(stop, node) for stop, node in found if node.meanings != ONLY_IDLE]
        longest = max((stop for stop, _node in saying or found), default=0)
        if not longest:
            return None
        meanings = {each for stop, node in found if stop == longest for each in node.meanings}
        return Match(longest, frozenset(meanings))

    def forms(self, word: str) -> tuple[str, ...]:
        """How the phrases may have the word: as it is, without what is written onto it, corrected.

        None where they have nothing like it.
        """
        found = self._forms.get(word)
        if found is None:
            found = self._found(canonical(word, self.language))
            if len(self._forms) < MOST_REMEMBERED:
                self._forms[word] = found
        return found

    def _found(self, word: str) -> tuple[str, ...]:
        if self._is_known(word):
            return (word,)
        stripped = [each for each in self._stripped(word) if self._is_known(each)]
        return tuple(stripped) or tuple(self._meant(word))

    def _is_known(self, word: str) -> bool:
        return word in self.known or any(True for _node in self.anywhere.after(word))

    def _stripped(self, word: str) -> Iterator[str]:
        if self.language != "ar":
            return
        for _particle in range(2):
            if word[:1] in ARABIC_PARTICLES and len(word) > 3:
                word = canonical(word[1:], self.language)
                yield word

    def _meant(self, word: str) -> list[str]:
        """The nearest known words."""
        if len(word) < SHORTEST_TYPO or not word.isalpha():
            return []
        near = {
            other
            for part in (word, *_without_letter(word))
            for other in self.without_letter.get(part, ())
            if _is_typo(word, other)
        }
        if not near:
            return []
        best = min(words.edits(word, other) for other in near)
        return sorted(other for other in near if words.edits(word, other) == best)

    def _add(self, phrase: str, meaning: str) -> None:
        node = self.at_start if phrase.startswith("^") else self.anywhere
        for part in _spelled(phrase, self.language):
            word = part.removesuffix("*")
            step = node.beginning if part.endswith("*") else node.then
            node = step.setdefault(word, Node())
            self._learn(word, is_corrected=meaning not in OPEN)
        node.meanings.add(meaning)

    def _learn(self, word: str, *, is_corrected: bool) -> None:
        self.known.add(word)
        if is_corrected and len(word) >= SHORTEST_TYPO:
            for part in (word, *_without_letter(word)):
                self.without_letter.setdefault(part, set()).add(word)


# of each language
MOST_REMEMBERED = 20_000


@lru_cache
def of(language: str) -> Vocabulary:
    """The vocabulary of a language; that of English for one without any."""
    return Vocabulary(language if language in LANGUAGES else "en")


def canonical(word: str, language: str) -> str:
    """One spelling of those that mean the same: "heyyy", "loeschen", and Arabic's article."""
    word = REPEATED.sub(r"\1", word)
    if language == "de":
        return GERMAN_VOWEL.sub("", word)
    if language == "ar":
        return ARABIC_ARTICLE.sub("", word)
    return word


def _phrases(language: str) -> Iterator[tuple[str, Iterable[str]]]:
    data = tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    for idea, phrases in {**data["ideas"], **data["people"]}.items():
        yield idea, [*phrases, *_joined(phrases)]
    for table, kind in (("days", "day"), ("numbers", "number")):
        for name, phrases in data[table].items():
            yield f"{kind}:{name}", phrases
    small: Mapping[str, Mapping[tuple[str, ...], str]] = lexicon.of(language).phrases
    for kind in IDLE_KINDS:
        yield IDLE, [phrase[0] for phrase in small[kind] if len(phrase) == 1]


def _joined(phrases: Iterable[str]) -> Iterator[str]:
    """ "dont" for "don't"."""
    return (phrase.replace("'", "") for phrase in phrases if "'" in phrase)


def _spelled(phrase: str, language: str) -> Iterator[str]:
    for part in phrase.removeprefix("^").split():
        spelled = [canonical(word, language) for word in words.split(part)]
        if part.endswith("*"):
            spelled[-1] += "*"
        yield from spelled or [part]


def _walk(node: Node, said: Sequence[tuple[str, ...]], at: int) -> Iterator[tuple[int, Node]]:
    """Every phrase that goes on from here, with where it ends."""
    if at == len(said):
        return
    for form in said[at]:
        for following in node.after(form):
            if following.meanings:
                yield at + 1, following
            yield from _walk(following, said, at + 1)


def _without_letter(word: str) -> Iterator[str]:
    return (word[:at] + word[at + 1 :] for at in range(len(word)))


def _is_typo(word: str, other: str) -> bool:
    """Whether one was probably meant by who typed the other: begins alike, one letter else."""
    if word[0] != other[0]:
        return False
    edits = words.edits(word, other)
    if min(len(word), len(other)) <= SHORTEST_TYPO:
        # "teh", not "car" for "cart"
        return edits == 1 and sorted(word) == sorted(other)
    return edits <= (2 if len(word) >= LONG_WORD else 1)
