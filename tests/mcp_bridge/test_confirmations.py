"""A person's yes holds for ten minutes and for one purchase."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mcp_bridge import confirmations
from mcp_bridge.confirmations import Agreement, NotConfirmed

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TOOL = "place_order"
AGREEMENT = Agreement(TOOL, "guest:1", about="bsk_1", version=3, total=79900, details="abc")


def test_a_confirmation_says_what_was_agreed_for_ten_minutes() -> None:
    token = confirmations.ask(AGREEMENT, now=NOON)

    assert confirmations.read(token, tool=TOOL, now=NOON) == AGREEMENT
    assert confirmations.read(token, tool=TOOL, now=NOON + timedelta(minutes=10)) == AGREEMENT
    with pytest.raises(NotConfirmed, match="older than 10 minutes"):
        confirmations.read(token, tool=TOOL, now=NOON + timedelta(minutes=10, seconds=1))


@pytest.mark.parametrize("spoil", [lambda t: t + "x", lambda t: "x" + t, lambda _t: "", str.upper])
def test_a_spoilt_confirmation_is_none(spoil: Callable[[str], str]) -> None:
    token = confirmations.ask(AGREEMENT, now=NOON)

    with pytest.raises(NotConfirmed, match="no confirmation of this shop"):
        confirmations.read(spoil(token), tool=TOOL, now=NOON)


@pytest.mark.parametrize(
    "change",
    [{"caller": "guest:2"}, {"about": "bsk_2"}, {"version": 4}, {"total": 1}, {"details": "d"}],
)
def test_another_purchase_is_not_agreed_to(change: dict[str, Any]) -> None:
    confirmations.require_same(AGREEMENT, AGREEMENT)

    with pytest.raises(NotConfirmed, match="has changed"):
        confirmations.require_same(AGREEMENT, replace(AGREEMENT, **change))


def test_a_yes_to_one_tool_is_none_to_another() -> None:
    token = confirmations.ask(AGREEMENT, now=NOON)

    with pytest.raises(NotConfirmed, match="Call cancel_order without `confirm` first"):
        confirmations.require(token, replace(AGREEMENT, tool="cancel_order"), now=NOON)
