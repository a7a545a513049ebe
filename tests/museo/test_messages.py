"""Every text that is asked for is there in every language of the shop."""

import re
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from django.conf import settings

from tests.messages import is_key, put_together, wanted

LOCALE = Path(settings.LOCALE_PATHS[0])
# a number, at most one word, and what there are so many of; or what so many do
COUNTED = re.compile(
    r"(?:%\((\w+)\)s|\{(\w+)\})(?: (?!of |to |from |in |on |by |for |is |has |was |as )[a-z]+)?"
    r" (?!(?:as|is|has|was|does|goes|less|says|begins)\b)"
    r"(?!(?:ends|needs|names|signs|holds|costs|appears)\b)"
    r"(?:[a-z]+s|people|are|were)\b"
)
# limits, which are never one; how much faster a clock runs; words for several
LIMITS = {"most", "days", "digits", "speed", "words"}


def written(language: str) -> Catalog:
    with (LOCALE / language / "LC_MESSAGES" / "django.po").open("rb") as po:
        return read_po(po, locale=language)


@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
def test_every_text_is_translated_and_none_is_left_over(language: str) -> None:
    asked = {message.id for message in wanted() if message.id}
    if language == settings.LANGUAGE_CODE:
        asked = {text for text in asked if isinstance(text, str) and is_key(text)}
    told = {message.id for message in written(language) if message.id and all(_texts(message))}

    assert sorted(map(str, asked - told)) == []
    assert sorted(map(str, told - asked)) == []


@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
def test_a_translation_fills_the_same_places(language: str) -> None:
    for message in written(language):
        one = message.id if isinstance(message.id, str) else message.id[0]
        if not is_key(one):
            for text in _texts(message):
                assert _places(text) == _places(one), text


def test_what_is_counted_is_said_in_singular_and_plural() -> None:
    plain = [message.id for message in wanted() if isinstance(message.id, str)]

    counted = {text for text in plain for found in COUNTED.finditer(text) if _name(found)}

    assert counted == set()
    assert _name(COUNTED.search("Try again in %(seconds)s seconds."))
    assert _name(COUNTED.search("%(count)s late orders"))


def test_what_code_counts_itself_needs_no_plural() -> None:
    counted = {text for text in put_together() for found in COUNTED.finditer(text) if _name(found)}

    assert counted == set()
    assert _name(COUNTED.search("{rows} rows"))


def _name(found: re.Match[str] | None) -> str:
    """What a number is called that may be one; empty for a limit."""
    name = found and (found[1] or found[2])
    return "" if name is None or name in LIMITS or name.isupper() else name


@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
def test_a_language_has_all_its_plurals(language: str) -> None:
    catalog = written(language)

    forms = {len(_texts(message)) for message in catalog if isinstance(message.id, tuple)}

    assert forms <= {catalog.num_plurals}


def _texts(message: object) -> list[str]:
    said = getattr(message, "string", "")
    return [said] if isinstance(said, str) else list(said)


def _places(text: str) -> set[str]:
    percent = {part.partition(")")[0] for part in text.split("%(")[1:]}
    braces = (name for _text, name, _spec, _how in Formatter().parse(text) if name)
    return percent | {name for name in braces if name.isidentifier()}
