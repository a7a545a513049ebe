"""The held-back utterances are whole; a fault is told by file and line, never by what is said."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

HELD_BACK = Path(__file__).parents[1] / "data" / "intents" / "held_back"
LANGUAGES = sorted(code for code, _name in settings.LANGUAGES)
INTENTS = (
    "search_products product_details check_availability add_to_basket show_basket place_order"
    " track_order cancel_order return_order ask_question greeting help create_product"
    " update_product change_price change_stock list_products delete_product import_products"
    " list_orders show_statistics unknown"
)
COLOURS = "red blue green black white yellow pink grey brown orange purple gold silver"
SHAPES: dict[str, str] = {
    "product": r"\S(.*\S)?",
    "colour": COLOURS.replace(" ", "|"),
    "currency": r"[A-Z]{3}",
    "order_number": r"ORD-[0-9A-HJKMNP-TV-Z]{8}",
    "email": r"\S+@example\.(com|org)",
}
NUMBERS = {"quantity", "price", "price_min", "price_max"}


@cache
def lines(language: str) -> list[dict[str, Any]]:
    text = (HELD_BACK / f"{language}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_every_language_has_its_file() -> None:
    assert sorted(file.stem for file in HELD_BACK.glob("*.jsonl")) == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_200_lines_and_8_of_each_intent(language: str) -> None:
    counts = Counter(line["intent"] for line in lines(language))

    assert counts.total() >= 200
    assert set(counts) == set(INTENTS.split())
    assert [intent for intent, count in counts.items() if count < 8] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_said_twice(language: str) -> None:
    first: dict[str, int] = {}
    twice = [
        (first[said], number)
        for number, line in enumerate(lines(language), 1)
        if first.setdefault(said := " ".join(line["text"].casefold().split()), number) != number
    ]

    assert twice == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_has_the_form_and_says_what_it_names(language: str) -> None:
    found = [
        f"{language}:{number}: {fault}"
        for number, line in enumerate(lines(language), 1)
        for fault in faults(line)
    ]

    assert found == []


def test_a_wrong_line_is_found() -> None:
    wrong = {
        "text": "two cups",
        "intent": "unknown",
        "entities": {"product": "mugs", "quantity": "2", "colour": "beige", "size": "L"},
    }

    assert list(faults(wrong)) == ["product not said", "quantity", "colour", "size"]
    assert list(faults({"text": "hello", "intent": "greeting"})) == ["keys"]


def faults(line: dict[str, Any]) -> Iterator[str]:
    if set(line) != {"text", "intent", "entities"} or not line["text"].strip():
        yield "keys"
        return
    said = line["text"].casefold()
    for key, value in line["entities"].items():
        if not _is_shaped(key, value):
            yield key
        elif key in {"product", "email", "order_number"} and value.casefold() not in said:
            yield f"{key} not said"


def _is_shaped(key: str, value: object) -> bool:
    if key in NUMBERS:
        return type(value) is int and value >= 0
    return isinstance(value, str) and re.fullmatch(SHAPES.get(key, r"(?!)"), value) is not None
