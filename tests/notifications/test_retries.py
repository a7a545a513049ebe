"""When a delivery is tried again: over three days, spread by chance, never sooner than asked."""

from datetime import timedelta
from random import Random

import pytest

from notifications import retries
from notifications.retries import PAUSES, is_hopeless, pause
from tests.notifications.conftest import NOON

DAY = timedelta(days=1)


def thrown(seed: int) -> Random:
    return Random(seed)  # noqa: S311  nobody need be unable to guess it


@pytest.mark.parametrize("tries", range(1, len(PAUSES) + 1))
def test_each_pause_is_spread_by_a_tenth_and_no_more(tries: int) -> None:
    dice = thrown(tries)
    planned = PAUSES[tries - 1]

    drawn = [pause(tries, asked=None, dice=dice) for _ in range(500)]

    assert all(each and planned * 0.9 <= each <= planned * 1.1 for each in drawn)
    assert len(set(drawn)) > 400


def test_the_same_dice_throw_the_same_pause() -> None:
    assert pause(3, asked=None, dice=thrown(1)) == pause(3, asked=None, dice=thrown(1))


def test_all_pauses_are_three_days_and_then_it_is_given_up() -> None:
    assert 2.9 * DAY < sum(PAUSES, timedelta(0)) < 3.1 * DAY
    assert pause(len(PAUSES) + 1, asked=timedelta(hours=1), dice=thrown(1)) is None


def test_it_is_never_sooner_than_was_asked_for() -> None:
    assert pause(1, asked=timedelta(hours=3), dice=thrown(1)) == timedelta(hours=3)
    short = pause(2, asked=timedelta(seconds=1), dice=thrown(1))
    assert short is not None
    assert short >= PAUSES[1] * (1 - retries.JITTER)


def test_five_days_without_anything_that_gets_through_are_hopeless() -> None:
    assert not is_hopeless(failing_since=None, now=NOON)
    assert not is_hopeless(failing_since=NOON - 5 * DAY + timedelta(seconds=1), now=NOON)
    assert is_hopeless(failing_since=NOON - 5 * DAY, now=NOON)
