"""The classifier's weights are those that its sentences teach, and need nothing to be used."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from django.core.management import call_command

from mcp_bridge.assistant import classifier, intents, sentences, training, vocabulary
from mcp_bridge.assistant.sentences import BadSet, Sentence
from mcp_bridge.assistant.understanding import understand

LANGUAGES = vocabulary.LANGUAGES
EVERYTHING = {*intents.ALL, "unknown"}
FEW = [
    Sentence("where is my order", "track_order"),
    Sentence("where is my parcel", "track_order"),
    Sentence("cancel my order", "cancel_order"),
    Sentence("please cancel it", "cancel_order"),
    Sentence("hello there", "greeting"),
]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_weights_were_learned_from_the_sentences_that_are_here(language: str) -> None:
    weights = classifier.of(language)

    assert weights.learned_from == sentences.fingerprint(sentences.of(language))
    assert set(weights.intents) == EVERYTHING


@pytest.mark.long
@pytest.mark.parametrize("language", LANGUAGES)
def test_training_again_gives_the_same_weights(language: str) -> None:
    known = sentences.of(language)
    learned = training.weights(training.examples(known, language=language))

    assert learned.rows == classifier.of(language).rows


def test_the_same_sentences_give_the_same_weights() -> None:
    first, again = (
        training.weights(training.examples(FEW, language="en"), learned_from="few")
        for _time in range(2)
    )

    assert first == again
    assert classifier.unpacked(first.packed()) == first
    found = understand(
        "where's my parcel?", language="en", currency="EUR", is_staff=False, weights=first
    )
    assert found.intent == "track_order"


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_enough_sentences_of_every_intent_and_no_two_opinions(language: str) -> None:
    known = sentences.of(language)
    meant: dict[str, set[str]] = {}
    for each in known:
        meant.setdefault(" ".join(each.text.casefold().split()), set()).add(each.intent)

    assert len(known) >= 1500
    assert min(Counter(each.intent for each in known).values()) >= 60
    assert {each.intent for each in known} == EVERYTHING
    assert len({each.who for each in known} - {""}) >= 6
    assert [text for text, named in meant.items() if len(named) > 1] == []


def test_to_understand_loads_no_trainer_and_no_weights_before_they_are_needed() -> None:
    said = (
        "import sys, django; django.setup();"
        "from mcp_bridge.assistant import classifier, understanding;"
        "heavy = {'numpy', 'sklearn', 'scipy', 'mcp_bridge.assistant.training'};"
        "print(sorted(heavy & set(sys.modules)), classifier.of.cache_info().currsize)"
    )
    told = subprocess.run(
        [sys.executable, "-c", said],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "museo.settings"},
    )

    assert told.stdout.split() == ["[]", "0"]


@pytest.mark.parametrize("text", ["ⴰⵣⵓⵍ ⴼⵍⵍⴰⵡⵏ", "ᐃᓄᒃᑎᑐᑦ", "你好我想买一个杯子"])
def test_what_is_like_nothing_learned_is_not_understood(text: str) -> None:
    found = understand(text, language="en", currency="EUR", is_staff=True)

    assert found.intent == "unknown"


def test_each_kind_of_person_is_read_by_what_all_others_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for language in LANGUAGES:
        (tmp_path / language).mkdir()
        (tmp_path / f"{language}.jsonl").write_text('{"text": "hi you", "intent": "greeting"}\n')
        for who in ("one", "other"):
            said = f"== track_order\nwhere is it {who}\n\n== unknown\nblah {who}\n"
            (tmp_path / language / f"{who}.txt").write_text(said, encoding="utf-8")

    call_command("intents", cross_validate=tmp_path)

    told = capsys.readouterr().out
    lines = told.splitlines()
    assert [line.split()[-1] for line in lines[:2]] == ["one", "other"]
    assert [line[:2] for line in lines[10:15]] == list(LANGUAGES)
    assert all("% to " in line and "of 4" in line for line in lines[10:15])
    assert "blah" not in told


def test_sentences_that_have_no_intent_are_refused(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "somebody.txt").write_text("where is it\n", encoding="utf-8")

    with pytest.raises(BadSet):
        sentences.of("en", tmp_path)
