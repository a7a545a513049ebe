"""`manage.py intents --evaluate` tells counts by language and intent, and no utterance."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from prometheus_client import REGISTRY

from mcp_bridge.assistant.accuracy import Score


def written(folder: Path, *lines: str) -> Path:
    (folder / "en.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_accuracy_and_recall_are_told_and_no_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command(
        "intents",
        evaluate=written(
            tmp_path,
            '{"text": "where is my order", "intent": "track_order", "entities": {}}',
            '{"text": "cancel my order", "intent": "cancel_order", "entities": {}}',
            '{"text": "hello there", "intent": "help", "entities": {}}',
            '{"text": "checkout", "intent": "place_order", "entities": {}}',
        ),
    )

    told = capsys.readouterr().out
    assert told.splitlines()[0] == "en   75.0%  (30.1% to 95.4%)  3 of 4"
    assert "help                  en 0/1" in told
    assert "hello" not in told
    measured = REGISTRY.get_sample_value("museo_assistant_intent_accuracy", {"language": "en"})
    assert measured == 0.75


def test_the_interval_of_all_right_does_not_begin_at_all() -> None:
    low, high = Score("en", 200, 200, {}).interval

    assert (round(low, 3), high) == (0.981, 1.0)


@pytest.mark.parametrize("line", ["", "{", '{"text": "hi"}', "[1]"])
def test_a_set_that_is_none_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(CommandError):
        call_command("intents", evaluate=written(tmp_path, line))
    with pytest.raises(CommandError):
        call_command("intents", evaluate=tmp_path / "none")
