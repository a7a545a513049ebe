"""`manage.py intents`: how well the assistant understands what people want."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mcp_bridge.assistant import evaluation
from mcp_bridge.assistant.evaluation import Score

HELD_BACK = Path("tests/data/intents/held_back")


class Command(BaseCommand):
    help = (
        "Measures how often the assistant reads an intent rightly: by language, with the 95 % "
        "interval, and by intent; no utterance is shown. Example: manage.py intents --evaluate"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--evaluate",
            nargs="?",
            type=Path,
            const=HELD_BACK,
            required=True,
            metavar="FOLDER",
            help=f"a set of utterances, a <language>.jsonl each; {HELD_BACK} without one",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            scores = list(evaluation.evaluate(options["evaluate"]))
        except evaluation.BadSet as bad:
            raise CommandError(str(bad)) from bad
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
