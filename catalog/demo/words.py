"""What facts and options of the demo shop are called in its other languages."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path

from babel.numbers import format_decimal

LANGUAGES = ("en", "de", "fr", "es", "ar")
WORDS = Path(__file__).with_name("words.toml")
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
COMMA = {"ar": "، "}


def said(text: str, language: str) -> str:
    """A word, a list of words or a measure; what is neither stays as it is: names, USB-C."""
    words = _words(language)
    if text in words:
        return words[text]
    parts = text.split(", ")
    if len(parts) > 1 and all(part in words for part in parts):
        return COMMA.get(language, ", ").join(words[part] for part in parts)
    amount, _space, unit = text.rpartition(" ")
    if amount and unit in words:
        return f"{_numbers(amount, language)} {words[unit]}"
    return text


def others(text: str) -> dict[str, str]:
    """In every other language than the first, where it is said otherwise: {"de": "Farbe"}."""
    told = {language: said(text, language) for language in LANGUAGES[1:]}
    return {language: word for language, word in told.items() if word != text}


def facts(attributes: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The attributes in every other language than the first, in which they are written."""
    return {
        language: {said(name, language): said(fact, language) for name, fact in attributes.items()}
        for language in LANGUAGES[1:]
    }


def unknown(texts: Iterable[str]) -> set[str]:
    """Those that are said in no other language."""
    return {text for text in texts if not others(text)}


@cache
def _words(language: str) -> Mapping[str, str]:
    rows = tomllib.loads(WORDS.read_text(encoding="utf-8"))
    return {word: told[LANGUAGES.index(language) - 1] for word, told in rows.items()}


def _numbers(text: str, language: str) -> str:
    return NUMBER.sub(
        lambda found: format_decimal(Decimal(found[0].replace(",", "")), locale=language), text
    )
