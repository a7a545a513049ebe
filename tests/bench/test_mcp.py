"""The bench of MCP tells a speed only of right answers, and counts what each stream was told."""

import json

import pytest

from bench.mcp import calls
from bench.mcp.calls import Wrong
from bench.mcp.streams import Heard
from bench.shop.load import Answer


def answer(text: str, *, status: int = 200) -> Answer:
    body = json.dumps({"result": {"structuredContent": {"text": text}}}).encode()
    return Answer(0, status, 1_000_000, len(body), b"", body)


def test_an_answer_to_something_else_is_wrong() -> None:
    asked = calls.echo(port=1)

    asked.check([answer("Order 0 is on its way.")])
    with pytest.raises(Wrong, match="not what was asked for"):
        asked.check([answer("Order 1 is on its way.")])
    with pytest.raises(Wrong, match="status 503"):
        asked.check([answer("Order 0 is on its way.", status=503)])
    with pytest.raises(Wrong, match="no answer"):
        asked.check([])


def test_what_was_not_told_is_counted() -> None:
    heard = Heard(streams=4, changes=2, opened_seconds=2.0, took=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])

    assert heard.figures() == {
        "p50_ms": 3.5,
        "p99_ms": 5.95,
        "arrived_percent": 75.0,
        "connects_per_second": 2.0,
    }
