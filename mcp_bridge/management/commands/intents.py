"""`manage.py intents`: how well the assistant understands what people want, and learning it."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mcp_bridge.assistant import accuracy, classifier, evaluation, sentences, training, vocabulary
from mcp_bridge.assistant.accuracy import Score
from mcp_bridge.assistant.sentences import BadSet

HELD_BACK = Path("tests/data/intents/held_back")


class Command(BaseCommand):
    help = (
        "Measures how often the assistant reads an intent rightly: by language, with the 95 % "
        "interval, and by intent; no utterance is shown. Or teaches it. Example: manage.py intents "
        "--evaluate"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument(
            "--evaluate",
            nargs="?",
            type=Path,
            const=HELD_BACK,
            metavar="FOLDER",
            help=f"a set of utterances, a <language>.jsonl each; {HELD_BACK} without one",
        )
        what.add_argument(
            "--train",
            action="store_true",
            help=f"learn from the sentences in {sentences.FOLDER}",
        )
        what.add_argument(
            "--cross-validate",
            nargs="?",
            type=Path,
            const=sentences.FOLDER,
            metavar="FOLDER",
            help="learn without each kind of person, and read what they say; takes long",
        )

        parser.add_argument(
            "--keep",
            action="store_true",
            help="keep what --evaluate finds, for the page of staff",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["train"]:
                self._train()
            elif options["cross_validate"]:
                self._cross_validate(options["cross_validate"])
            else:
                scores = list(evaluation.evaluate(options["evaluate"]))
                if options["keep"]:
                    accuracy.keep(scores)
                self._tell(scores)
        except BadSet as bad:
            raise CommandError(str(bad)) from bad

    def _train(self) -> None:
        for language in vocabulary.LANGUAGES:
            known = sentences.of(language)
            learned = training.weights(
                training.examples(known, language=language),
                learned_from=sentences.fingerprint(known),
            )
            packed = learned.packed()
            (classifier.FOLDER / f"{language}.bin").write_bytes(packed)
            self.stdout.write(f"{language}  sentences {len(known)}  bytes {len(packed):,}")

    def _cross_validate(self, folder: Path) -> None:
        scores = []
        for score in evaluation.cross_validate(folder):
            self.stdout.write(f"{_line(score)}  {score.who}")
            scores.append(score)
        languages = dict.fromkeys(score.language for score in scores)
        self._tell(
            [
                evaluation.together([score for score in scores if score.language == language])
                for language in languages
            ]
        )

    def _tell(self, scores: list[Score]) -> None:
        for score in scores:
            self.stdout.write(_line(score))
        for intent in sorted({intent for score in scores for intent in score.recall}):
            self.stdout.write(_recall(intent, scores))


def _line(score: Score) -> str:
    low, high = score.interval
    return (
        f"{score.language}  {score.accuracy:6.1%}  ({low:.1%} to {high:.1%})  "
        f"{score.right} of {score.total}"
    )


def _recall(intent: str, scores: list[Score]) -> str:
    """ "cancel_order  de 9/10  en 12/12": where the patterns know too little."""
    told = [
        f"{score.language} {score.recall[intent][0]}/{score.recall[intent][1]}"
        for score in scores
        if intent in score.recall
    ]
    return f"{intent:20}  {'  '.join(told)}"
