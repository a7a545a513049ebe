"""Opening hours, as a pure function of a moment."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from catalog.hours import Hours, is_open, opens_next

HELSINKI = ZoneInfo("Europe/Helsinki")
# Friday from eleven to two at night, Saturday at noon for two hours
FRIDAY, SATURDAY = 4, 5
HOURS = [Hours(FRIDAY, time(11), time(2)), Hours(SATURDAY, time(12), time(14))]


def helsinki(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    """In November 2026; the 20th is a Friday."""
    return datetime(2026, month, day, hour, minute, tzinfo=HELSINKI)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (helsinki(20, 10, 59), False),
        (helsinki(20, 11), True),
        (helsinki(21, 1, 59), True),
        (helsinki(21, 2), False),
        (helsinki(21, 12), True),
        (helsinki(21, 14), False),
        (helsinki(22, 1), False),
    ],
)
def test_a_span_may_last_over_midnight_and_ends_sharp(moment: datetime, expected: bool) -> None:
    assert is_open(HOURS, moment.astimezone(UTC), zone=HELSINKI) is expected


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        (helsinki(20, 9), helsinki(20, 11)),
        (helsinki(21, 3), helsinki(21, 12)),
        (helsinki(21, 14), helsinki(27, 11)),
        (helsinki(20, 12), helsinki(20, 12)),
    ],
)
def test_closed_it_says_the_next_opening_and_open_now(moment: datetime, opens: datetime) -> None:
    assert opens_next(HOURS, moment.astimezone(UTC), zone=HELSINKI) == opens


def test_a_shop_that_opens_once_a_week_opens_again_in_a_week() -> None:
    once = [Hours(FRIDAY, time(11), time(12))]

    assert opens_next(once, helsinki(20, 12), zone=HELSINKI) == helsinki(27, 11)


def test_without_hours_it_is_always_open() -> None:
    assert is_open([], helsinki(22, 3), zone=HELSINKI)
    assert opens_next([], helsinki(22, 3), zone=HELSINKI) == helsinki(22, 3)


def test_it_opens_by_the_wall_clock_when_the_clocks_change() -> None:
    # on the 25th of October 2026 Helsinki goes from +3 to +2
    sunday = [Hours(6, time(9), time(17))]

    opens = opens_next(sunday, helsinki(25, 1, month=10), zone=HELSINKI)

    assert opens.astimezone(UTC) == datetime(2026, 10, 25, 7, tzinfo=UTC)
