"""How often intents are read rightly: accuracy by language, recall by intent.

A set is a folder with a `<language>.jsonl` for each language, a line an utterance:
`{"text": "where is my order", "intent": "track_order", "entities": {}}`. What is told are counts,
never the texts: a set to measure by must not be looked at by who writes the patterns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from prometheus_client import Gauge

from mcp_bridge.assistant import sentences, training, vocabulary
from mcp_bridge.assistant.accuracy import Score
from mcp_bridge.assistant.classifier import Weights
from mcp_bridge.assistant.sentences import BadSet, Sentence
from mcp_bridge.assistant.understanding import understand

ACCURACY = Gauge(
    "museo_assistant_intent_accuracy",
    "Part of the utterances of the last evaluation whose intent was read rightly",
    ["language"],
    multiprocess_mode="mostrecent",
)
CURRENCY = "EUR"
NONE = (0, 0)


def evaluate(folder: Path) -> Iterator[Score]:
    """Each language of the set; raise BadSet. Everything is read as if staff said it."""
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise BadSet(f"{folder} has no <language>.jsonl.")
    for file in files:
        said = sentences.listed(file)
        if not said:
            raise BadSet(f"{file} is empty.")
        score = _score(file.stem, said)
        ACCURACY.labels(score.language).set(score.accuracy)
        yield score


def cross_validate(folder: Path) -> Iterator[Score]:
    """How the sentences of each kind of person are read by who learned from all others' only."""
    for language in vocabulary.LANGUAGES:
        known = sentences.of(language, folder)
        examples = training.examples(known, language=language)
        for who in sorted({each.who for each in known} - {""}):
            of_others = [
                example for example, each in zip(examples, known, strict=True) if each.who != who
            ]
            asked = [each for each in known if each.who == who]
            yield _score(language, asked, weights=training.weights(of_others), who=who)


def _score(
    language: str, said: Sequence[Sentence], *, weights: Weights | None = None, who: str = ""
) -> Score:
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for each in said:
        found = understand(
            each.text, language=language, currency=CURRENCY, is_staff=True, weights=weights
        )
        total[each.intent] += 1
        right[each.intent] += found.intent == each.intent
    recall = {intent: (right[intent], total[intent]) for intent in sorted(total)}
    return Score(language, right.total(), total.total(), recall, who)


def together(scores: Sequence[Score]) -> Score:
    """All of one language as one."""
    recall = {
        intent: (
            sum(score.recall.get(intent, NONE)[0] for score in scores),
            sum(score.recall.get(intent, NONE)[1] for score in scores),
        )
        for intent in sorted({intent for score in scores for intent in score.recall})
    }
    right = sum(score.right for score in scores)
    return Score(scores[0].language, right, sum(score.total for score in scores), recall)
