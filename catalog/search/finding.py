"""Finding products: from what a shopper typed to a page of products, what else there is, and why.

A word that no product has is corrected. All takes a fixed number of queries: categories, words,
words to correct if there are any, candidates, and where prices are limited those by their texts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from catalog import cursors, shop
from catalog.search import candidates, facets, lexicon, reading, vocabulary, words
from catalog.search.candidates import BEST_MATCH, NEWEST, Candidate, Filters, Search
from catalog.search.interpretation import interpretation
from catalog.search.reading import Reading
from catalog.search.vocabulary import Known
from museo import sql

MOST_SUGGESTIONS = 5
# words of one query; each takes a query of its own
MOST_CORRECTED = 2


@dataclass(frozen=True)
class Found:
    """`ids` is one page of products; `suggestions` are other queries to try."""

    ids: list[int]
    next_cursor: str
    interpretation: dict[str, Any]
    facets: facets.Facets
    suggestions: list[str]
    # whether the words were taken for more than words, or for other words
    is_interpreted: bool


def find(
    query: str,
    *,
    locale: str,
    now: datetime,
    filters: Filters,
    order: tuple[str, ...] | None,
    sorts: Mapping[str, tuple[str, ...]],
    is_plain: bool,
    limit: int,
    cursor: str,
    listed: str,
) -> Found:
    """A page of what is on sale and matches, of the list that is named.

    `is_plain` takes the words as they stand; without an `order` it is that of `sorts` which the
    words ask for, or the best match. Raises BadCursor for a cursor of another list.
    """
    rooms = Rooms.read(locale)
    understood = _plain(query, locale) if is_plain else _understood(query, locale, rooms)
    read = understood.reading
    order = order or sorts.get(read.sort) or (BEST_MATCH if read.words else NEWEST)
    after = cursors.values(cursor, order, listed) if cursor else None
    found: Sequence[candidates.Row] = []
    if read.words or read.has_limits:
        search = Search(
            read, understood.known, filters, understood.path_named, locale, now, order, after
        )
        found = search.candidates()
    rest = found
    if order == BEST_MATCH and after is not None:
        rest = [row for row in found if list(row[: len(after)]) < after]
    page = [Candidate._make(row) for row in rest[:limit]]
    return Found(
        ids=[each.pk for each in page],
        next_cursor=cursors.at(page[-1], order, listed) if len(rest) > limit else "",
        interpretation=interpretation(read, query=query, locale=locale),
        facets=facets.count(found, rooms.labels),
        suggestions=understood.suggestions,
        is_interpreted=read.has_limits or bool(read.corrected),
    )


# what was meant


@dataclass(frozen=True)
class _Understood:
    """`path_named` is of the category that the words name; empty if they name none."""

    reading: Reading
    known: Mapping[str, Known]
    path_named: str = ""
    suggestions: list[str] = field(default_factory=list)


def _plain(query: str, locale: str) -> _Understood:
    read = reading.plain(query, language=locale)
    return _Understood(read, vocabulary.look_up(read.words, language=locale))


def _understood(query: str, locale: str, rooms: "Rooms") -> _Understood:
    read = reading.read(query, language=locale)
    known = vocabulary.look_up(read.words, language=read.language)
    meant = _meant(known)
    suggestions = _suggestions(read.words, known, meant)
    if meant:
        read = _corrected(read, meant)
        known = vocabulary.look_up(read.words, language=read.language)
    room = rooms.named(read)
    if room:
        read = replace(read, category=room.slug)
    return _Understood(read, known, room.path if room else "", suggestions)


def _meant(known: Mapping[str, Known]) -> dict[str, list[str]]:
    """What each unknown word was probably meant to be; those without any are left out."""
    unknown = [word for word, its in known.items() if not its.is_known][:MOST_CORRECTED]
    likely = {word: vocabulary.meant(word) for word in unknown}
    return {word: others for word, others in likely.items() if others}


def _corrected(understood: Reading, meant: Mapping[str, Sequence[str]]) -> Reading:
    corrected = {word: others[0] for word, others in meant.items()}
    said = tuple(corrected.get(word, word) for word in understood.words)
    return replace(understood, words=said, corrected=corrected)


def _suggestions(
    said: Sequence[str], known: Mapping[str, Known], meant: Mapping[str, Sequence[str]]
) -> list[str]:
    """The query with other corrections, or without the words that nothing has."""
    best = [meant[word][0] if word in meant else word for word in said]
    others = [
        " ".join(other if own == typed else word for word, own in zip(best, said, strict=True))
        for typed in said
        for other in meant.get(typed, [])[1:]
    ]
    lost = {word for word, its in known.items() if not its.is_known and word not in meant}
    left = " ".join(word for word, typed in zip(best, said, strict=True) if typed not in lost)
    if lost and left:
        others.append(left)
    return list(dict.fromkeys(others))[:MOST_SUGGESTIONS]


# categories


OPEN_ROOMS = """
    SELECT c.path, c.slug, t.language_code, t.name FROM catalog_category c
    LEFT JOIN catalog_category_translation t ON t.master_id = c.id
    WHERE c.is_active ORDER BY c.path
"""


@dataclass(frozen=True)
class Room:
    """`names` are those in the shopper's language and in the shop's, each with its language."""

    path: str
    slug: str
    names: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Rooms:
    """The categories that are shown; `labels` has the slug and the name of each path."""

    rooms: Sequence[Room]
    labels: Mapping[str, tuple[str, str]]

    @classmethod
    def read(cls, locale: str) -> "Rooms":
        languages = (locale, shop.current().default_language)
        return _rooms(tuple(sql.rows(OPEN_ROOMS, [])), languages)

    def beginning(self, said: Sequence[str]) -> list[tuple[str, str]]:
        """The slug and name of those in whose name the words stand, the last as a beginning."""
        start = f" {' '.join(said)}"
        return [
            (slug, name)
            for slug, name in self.labels.values()
            if start in f" {' '.join(words.split(name))}"
        ]

    def named(self, understood: Reading) -> Room | None:
        """The category with the longest name among the words."""
        best, length = None, 0
        for room in self.rooms:
            for language, name in room.names:
                stems = _stems(name, language)
                if len(stems) > length and _holds(
                    _stems(" ".join(understood.words), language), stems
                ):
                    best, length = room, len(stems)
        return best


@lru_cache(32)
def _rooms(rows: Sequence[tuple[str, str, str, str]], languages: Sequence[str]) -> Rooms:
    """They seldom change."""
    names: dict[tuple[str, str], dict[str, str]] = {}
    for path, slug, language, name in rows:
        names.setdefault((path, slug), {})[language] = name
    rooms, labels = [], {}
    for (path, slug), by_language in names.items():
        own = [
            (language, by_language[language]) for language in languages if language in by_language
        ]
        rooms.append(Room(path, slug, own))
        labels[path] = (slug, own[0][1] if own else slug)
    return Rooms(rooms, labels)


@lru_cache(4096)
def _stems(text: str, language: str) -> tuple[str, ...]:
    stem = lexicon.of(language).stem
    return tuple(stem(word) for word in words.split(text))


def _holds(said: Sequence[str], part: Sequence[str]) -> bool:
    size = len(part)
    return any(said[start : start + size] == part for start in range(len(said) - size + 1))
