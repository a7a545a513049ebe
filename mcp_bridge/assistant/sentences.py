"""The sentences that the classifier learns from, each with its intent and who would say it so.

A folder holds `<language>/<who>.txt` for each kind of person, a sentence a line below `== intent`,
and `<language>.jsonl`, which nobody in particular says (`evaluation` has its form).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

FOLDER = Path("tests/data/intents/tuning")
HEADING = "== "


class BadSet(ValueError):
    """There is no set, or a line of it is not of the form."""


@dataclass(frozen=True)
class Sentence:
    text: str
    intent: str
    who: str = ""


def of(language: str, folder: Path = FOLDER) -> Sequence[Sentence]:
    """All of a language, in the order of the files; raise BadSet."""
    found = [
        *(each for file in sorted((folder / language).glob("*.txt")) for each in _written(file)),
        *listed(folder / f"{language}.jsonl"),
    ]
    if not found:
        raise BadSet(f"{folder} has no sentences of {language}.")
    return found


def listed(file: Path) -> Sequence[Sentence]:
    """Those of a `<language>.jsonl`; raise BadSet."""
    try:
        lines = [orjson.loads(line) for line in file.read_bytes().splitlines() if line.strip()]
        return [Sentence(str(line["text"]), str(line["intent"])) for line in lines]
    except (OSError, ValueError, KeyError, TypeError):
        raise BadSet(f"{file} has a line that is not of the form.") from None


def _written(file: Path) -> Iterator[Sentence]:
    intent = ""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith(HEADING):
            intent = line.removeprefix(HEADING).strip()
        elif not intent:
            raise BadSet(f"{file} does not begin with an intent.")
        elif line.strip():
            yield Sentence(line.strip(), intent, file.stem)


def fingerprint(known: Sequence[Sentence]) -> str:
    """The same for the same sentences only."""
    said = "\n".join(f"{each.intent} {each.who} {each.text}" for each in known)
    return hashlib.sha256(said.encode()).hexdigest()
