"""What shoppers say is read as they mean it, in every language."""

import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from catalog.search import lexicon, reading, words

QUERIES = Path(__file__).parents[2] / "data" / "queries"
NOTHING: dict[str, Any] = {
    "price_min": None,
    "price_max": None,
    "colour": "",
    "in_stock": False,
    "sort": "",
    "quantity": None,
}


def table() -> list[Any]:
    return [
        pytest.param(file.stem, row, id=f"{file.stem}: {row['said']}")
        for file in sorted(QUERIES.glob("*.toml"))
        for row in tomllib.loads(file.read_text(encoding="utf-8"))["queries"]
    ]


@pytest.mark.parametrize(("language", "row"), table())
def test_what_is_said_is_read(language: str, row: dict[str, Any]) -> None:
    read = asdict(reading.read(row["said"], language=language))

    wanted = {**NOTHING, **{name: value for name, value in row.items() if name in NOTHING}}
    assert " ".join(read["words"]) == row.get("words", "")
    assert {name: read[name] for name in NOTHING} == wanted


def test_every_language_has_a_table_of_25_and_the_same_lists() -> None:
    tables = {file.stem: file for file in QUERIES.glob("*.toml")}

    assert sorted(tables) == list(lexicon.LANGUAGES)
    for language, file in tables.items():
        assert len(tomllib.loads(file.read_text(encoding="utf-8"))["queries"]) >= 25
        empty = [kind for kind, said in lexicon.of(language).phrases.items() if not said]
        assert empty == []


def test_words_are_folded_whatever_their_case_accents_and_form() -> None:
    assert words.split("Café CAFE\u0301 Straße Œuvre") == ["cafe", "cafe", "strasse", "oeuvre"]
    assert words.split("أحمر إناء آنية مقهى قهوة كـــوب") == [
        "احمر",
        "اناء",
        "انيه",
        "مقهي",
        "قهوه",
        "كوب",
    ]
    assert words.split("a\u200fb\x00c\ud800d \u0661\u0665") == ["ab", "c", "d", "15"]


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "mugs", "mug"),
        ("en", "dishes", "dish"),
        ("en", "berries", "berry"),
        ("de", "tassen", "tasse"),
        ("de", "bucher", "buch"),
        ("de", "vasen", "vase"),
        ("fr", "tableaux", "tableau"),
        ("fr", "journaux", "journal"),
        ("es", "relojes", "reloj"),
        ("es", "luces", "luz"),
        ("es", "jarrones", "jarron"),
        ("ar", "المزهريات", "مزهريه"),
        # no ending makes these
        ("en", "shelves", "shelf"),
        ("ar", "أكواب", "كوب"),
        ("ar", "الحقائب", "حقيبة"),
        ("ar", "أكوابًا", "كوب"),
        ("ar", "الألوان", "لون"),
        ("ar", "الألعاب", "لعبة"),
    ],
)
def test_one_and_many_have_the_same_stem(language: str, one: str, other: str) -> None:
    stem = lexicon.of(language).stem

    assert stem(words.fold(one)) == stem(words.fold(other))


@pytest.mark.parametrize(
    ("typed", "meant", "edits"),
    [
        ("vase", "vase", 0),
        ("vaes", "vase", 1),
        ("vas", "vase", 1),
        ("vasse", "vase", 1),
        ("kopfhroer", "kopfhorer", 1),
        ("lamb", "vase", 3),
    ],
)
def test_letters_typed_wrong_are_counted(typed: str, meant: str, edits: int) -> None:
    assert words.edits(typed, meant) == words.edits(meant, typed) == edits


def test_many_words_and_long_ones_are_read_in_part() -> None:
    read = reading.read("vase " * 2000, language="en")

    assert read.words == ("vase",) * reading.MOST_WORDS
    assert reading.read("x" * 10_000, language="en").words == ("x" * words.LONGEST_WORD,)
