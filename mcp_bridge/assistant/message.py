"""A message as it is heard: its words with their places, and what each phrase of them means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from catalog.search import reading, words
from mcp_bridge.assistant import vocabulary
from mcp_bridge.assistant.vocabulary import IDLE, Meanings

# letters; of a longer message the beginning is heard
LONGEST = 500
MOST_TOKENS = 80

# what is no words, found before the words are
ORDER_NUMBER = re.compile(r"\bord[-_# ]?(?=[a-z]{0,11}\d)[a-z0-9]{4,12}\b")
EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
DATE = re.compile(
    r"\b\d{4}-\d{1,2}-\d{1,2}\b|\b\d{1,2}\.\d{1,2}\.(?:\d{4}|\d{2})?(?!\d)|\b\d{1,2}/\d{1,2}/\d{4}\b"
)
SKU = re.compile(r"\b[A-Z0-9]{2,12}(?:-[A-Z0-9]{1,12}){1,5}\b")
PERCENT = "%٪"


@dataclass(frozen=True)
class Token:
    """A folded word, and where it is in the message; `kind` of what is no word, else empty."""

    text: str
    start: int
    stop: int
    kind: str = ""


@dataclass(frozen=True)
class Phrase:
    """The tokens from `start` until `stop` mean this."""

    start: int
    stop: int
    meanings: Meanings


@dataclass(frozen=True)
class Message:
    text: str
    language: str
    tokens: Sequence[Token]
    phrases: Sequence[Phrase]
    # words that were taken for others
    typos: int

    @property
    def meanings(self) -> set[str]:
        return {meaning for phrase in self.phrases for meaning in phrase.meanings}

    def words(self, start: int, stop: int) -> str:
        """The tokens as they were written."""
        return self.text[self.tokens[start].start : self.tokens[stop - 1].stop]


def hear(text: str, *, language: str) -> Message:
    """What a message says in this language. Never raises, whatever the text."""
    text = text[:LONGEST]
    known = vocabulary.of(language)
    tokens = _tokens(text, language)
    said = [() if token.kind else known.forms(token.text) for token in tokens]
    phrases = list(_phrases(known, said))
    typos = sum(
        known.language != "ar" and vocabulary.canonical(token.text, known.language) not in forms
        for token, forms in zip(tokens, said, strict=True)
        if forms
    )
    return Message(text, known.language, tokens, phrases, typos)


def _phrases(known: vocabulary.Vocabulary, said: Sequence[tuple[str, ...]]) -> Iterator[Phrase]:
    at, is_start = 0, True
    while at < len(said):
        match = known.match(said, at, is_start=is_start)
        if match is None:
            at, is_start = at + 1, False
            continue
        yield Phrase(at, match.stop, match.meanings)
        # "hello, new product …" begins with the product
        is_start = is_start and bool(match.meanings & {IDLE, "hello", "thanks"})
        at = match.stop


def _tokens(text: str, language: str) -> list[Token]:
    folded, origins = _folded(text)
    special = list(_special(text, folded, origins))
    masked = folded
    for _token, (start, stop) in special:
        masked = f"{masked[:start]}{' ' * (stop - start)}{masked[stop:]}"
    found = [token for token, _place in special]
    for start, stop in reading.spans(masked, language=language):
        found.append(Token(folded[start:stop], origins[start], origins[stop - 1] + 1))
    return sorted(found, key=lambda token: token.start)[:MOST_TOKENS]


def _special(
    text: str, folded: str, origins: Sequence[int]
) -> Iterator[tuple[Token, tuple[int, int]]]:
    """Each with its place in the folded text; of two in one place the first."""
    taken = [False] * len(folded)
    kinds = (("email", EMAIL), ("order_number", ORDER_NUMBER), ("date", DATE), ("sku", SKU))
    places = {origin: at for at, origin in reversed(list(enumerate(origins)))}
    for kind, pattern in kinds:
        for match in pattern.finditer(text if kind == "sku" else folded):
            start, stop = match.span()
            if kind == "sku":
                inside = [places[at] for at in range(start, stop) if at in places]
                start, stop = inside[0], inside[-1] + 1
            if any(taken[start:stop]):
                continue
            taken[start:stop] = [True] * (stop - start)
            said = Token(folded[start:stop], origins[start], origins[stop - 1] + 1, kind)
            yield said, (start, stop)


def _folded(text: str) -> tuple[str, list[int]]:
    """The folded text, and for each letter the place of what it was folded from."""
    letters = [words.fold(letter) for letter in text]
    origins = [at for at, letter in enumerate(letters) for _part in letter]
    return "".join(letters), origins
