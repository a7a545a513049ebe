"""What becomes of a message never moves backwards, in whatever order it is told."""

from functools import reduce
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.channels.states import State, before, later


@given(st.lists(st.sampled_from(State), min_size=1, max_size=5))
def test_the_order_in_which_news_comes_does_not_matter(news: list[State]) -> None:
    ends = {reduce(later, told) for told in permutations(news)}

    assert len(ends) == 1


@pytest.mark.parametrize(
    ("known", "told", "stands"),
    [
        ("sent", "delivered", "delivered"),
        ("delivered", "sent", "delivered"),
        ("delivered", "failed", "delivered"),
        ("failed", "delivered", "delivered"),
        ("delivered", "bounced", "bounced"),
        ("bounced", "delivered", "bounced"),
        ("read", "delivered", "read"),
        ("read", "complained", "complained"),
        ("sent", "sent", "sent"),
    ],
)
def test_a_later_state_is_not_taken_back(known: str, told: str, stands: str) -> None:
    assert later(State(known), State(told)) == stands


def test_what_a_state_moves_on_lies_before_it() -> None:
    assert list(before(State.DELIVERED)) == ["sent", "failed"]
    assert list(before(State.SENT)) == []
