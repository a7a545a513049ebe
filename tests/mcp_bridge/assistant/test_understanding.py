"""What people want is read from what they say, in five languages, whatever they type."""

import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_bridge.assistant import days, evaluation, intents, patterns, vocabulary
from mcp_bridge.assistant.message import LONGEST, hear
from mcp_bridge.assistant.understanding import Understanding, understand

TUNING = Path("tests/data/intents/tuning")
LANGUAGES = ("ar", "de", "en", "es", "fr")
# by whom the patterns were made: what they reach there must not be lost
REACHED = 0.97


def read(text: str, language: str = "en", *, is_staff: bool = True) -> Understanding:
    return understand(text, language=language, currency="EUR", is_staff=is_staff)


@pytest.mark.parametrize(
    ("language", "text", "intent", "entities"),
    [
        ("en", "Do you have iPhone 15?", "search_products", {"product": "iPhone 15"}),
        (
            "en",
            "red mugs under €20",
            "search_products",
            {"product": "mugs", "colour": "red", "price_max": 2000, "currency": "EUR"},
        ),
        (
            "en",
            "put 20 more red mugs on sale from Friday",
            "change_price",
            {"quantity": 20, "product": "mugs", "colour": "red", "date_from": "Friday"},
        ),
        (
            "en",
            "I'd fancy a teapot, something blue maybe",
            "search_products",
            {"product": "teapot", "colour": "blue"},
        ),
        ("en", "add two of them to my basket", "add_to_basket", {"quantity": 2}),
        ("es", "quiero dos de esas", "add_to_basket", {"quantity": 2}),
        ("de", "in den Korb damit", "add_to_basket", {}),
        # called as Monday is
        ("ar", "أضف اثنين إلى السلة", "add_to_basket", {"quantity": 2}),
        (
            "de",
            "Bitte storniere die Bestellung ORD-7K4Q2M9X",
            "cancel_order",
            {"order_number": "ORD-7K4Q2M9X"},
        ),
        (
            "de",
            "Bestand vom iPhone 15 auf 12 setzen",
            "change_stock",
            {"product": "iPhone 15", "quantity": 12},
        ),
        (
            "en",
            "inventory of bags 1,150",
            "change_stock",
            {"quantity": 1150, "product": "bags"},
        ),
        (
            "de",
            "Lagerbestand Becher 1.150",
            "change_stock",
            {"quantity": 1150, "product": "Becher"},
        ),
        (
            "fr",
            "ajoute deux tasses rouges au panier",
            "add_to_basket",
            {"quantity": 2, "product": "tasses", "colour": "red"},
        ),
        (
            "es",
            "pon el precio de la taza roja en 15 euros",
            "change_price",
            {"product": "taza", "colour": "red", "price": 1500, "currency": "EUR"},
        ),
        (
            "ar",
            "أكواب حمراء بأقل من ٢٠ يورو",
            "search_products",
            {"product": "أكواب", "colour": "red", "price_max": 2000, "currency": "EUR"},
        ),
    ],
)
def test_an_intent_is_read_with_what_it_is_about(
    language: str, text: str, intent: str, entities: Mapping[str, Any]
) -> None:
    found = read(text, language)

    assert (found.intent, dict(found.entities)) == (intent, entities)


@pytest.mark.parametrize(
    ("language", "text", "intent"),
    [
        ("en", "plz cancle my oder", "cancel_order"),
        ("en", "WHERE IS MY ORDER???", "track_order"),
        ("en", "heyyyy", "greeting"),
        ("de", "bestelung stornirn", "cancel_order"),
        ("de", "artikel espressotasse loeschen", "delete_product"),
        ("fr", "ou est ma commande svp", "track_order"),
        ("es", "donde esta mi pedido", "track_order"),
        ("ar", "أينَ طَلَبِي؟", "track_order"),
        ("ar", "الغاء الطلب", "cancel_order"),
        ("ar", "إلغاء الطلب", "cancel_order"),
    ],
)
def test_typing_errors_accents_and_case_do_not_matter(
    language: str, text: str, intent: str
) -> None:
    assert read(text, language).intent == intent


def test_the_tuning_set_stays_understood() -> None:
    """And has what an evaluation needs: every intent, and enough of each."""
    scores = list(evaluation.evaluate(TUNING))

    assert [score.language for score in scores] == list(LANGUAGES)
    for score in scores:
        assert score.accuracy >= REACHED, score.language
        assert score.total >= 300
        assert set(score.recall) == {*intents.ALL, "unknown"}
        assert min(total for _right, total in score.recall.values()) >= 10


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_order_number_is_read(language: str) -> None:
    wrong = []
    for line in (TUNING / f"{language}.jsonl").read_bytes().splitlines():
        said = orjson.loads(line)
        found = read(said["text"], language).entities
        if said["entities"].get("order_number") != found.get("order_number"):
            wrong.append(said["text"])

    assert wrong == []


def test_a_shopper_is_understood_as_one() -> None:
    shopper = read("show me all products", is_staff=False)
    staff = read("show me all products", is_staff=True)

    assert staff.intent == "list_products"
    assert all(not intents.ALL[name].is_for_staff for name, _sure in shopper.alternatives)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\x00\x01\x02\xff",
        "\ud800 lone",
        "🔥🔥🔥 🛒",
        "\u202eorder\u202c my cancel\u200f",
        "a" * 1_000_000,
        "1" * 1_000_000,
        "ord-" * 100_000,
        "a-" * 100_000,
        "1.1." * 100_000,
        "a@" * 100_000,
        '"' * 100_000,
        "ß½ﷺ" * 1000,
        "cancel " * 10_000,
        "20 € " * 10_000,
    ],
)
def test_nothing_that_is_typed_is_too_much(language: str, text: str) -> None:
    hear("warm", language=language)
    start = time.process_time()
    found = read(text, language)

    assert found.intent == "unknown" or found.intent in intents.ALL
    # a bound against catastrophes only: usually it is a millisecond
    assert time.process_time() - start < 2
    assert len(hear(text, language=language).text) <= LONGEST


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=80), language=st.sampled_from([*LANGUAGES, "xx"]))
def test_no_text_is_an_error(text: str, language: str) -> None:
    found = read(text, language)

    assert 0 <= found.confidence <= 1
    assert str(found.entities.get("product", "")) in text


def test_patterns_name_only_ideas_that_languages_have() -> None:
    marks = {"date", "percent", "long"}
    for language in LANGUAGES:
        known = _ideas(vocabulary.of(language))
        for pattern in patterns.all():
            named = {each for group in (*pattern.wanted, pattern.unwanted) for each in group}
            plain = {each for each in named if not each.startswith("{")} - marks
            assert plain - known <= OPTIONAL, (language, pattern.pattern)


# what only some languages have a word for
OPTIONAL = {
    "give",
    "need_know",
    "wrong",
    "return_it",
    "bye",
    "number",
    "order_number",
}


def _ideas(known: vocabulary.Vocabulary) -> set[str]:
    found: set[str] = set()
    waiting = [known.anywhere, known.at_start]
    while waiting:
        node = waiting.pop()
        found |= node.meanings
        waiting += [*node.then.values(), *node.beginning.values()]
    return found


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("Friday", "2026-11-27"),
        ("morgen", "2026-11-27"),
        ("hier", "2026-11-25"),
        ("semana pasada", "2026-11-16"),
        ("this month", "2026-11-01"),
        ("Dezember", "2026-12-01"),
        ("2026-12-24", "2026-12-24"),
        ("24.12.", "2026-12-24"),
        ("31.2.", "31.2."),
        ("soon", "soon"),
    ],
)
def test_days_are_dates_by_the_shops_clock(said: str, day: str) -> None:
    assert days.date_of(said, today=date(2026, 11, 26)) == day
