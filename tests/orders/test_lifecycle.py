"""The life of an order, as pure functions."""

from datetime import datetime, timedelta

from orders import lifecycle


def test_a_courier_order_takes_twelve_minutes_in_four_steps(noon: datetime) -> None:
    due = lifecycle.timetable("courier", placed_at=noon, speed=1.0)

    assert [(step.index, step.status, step.due_at - noon) for step in due] == [
        (1, "confirmed", timedelta(minutes=2)),
        (2, "preparing", timedelta(minutes=4)),
        (3, "out_for_delivery", timedelta(minutes=8)),
        (4, "delivered", timedelta(minutes=12)),
    ]


def test_a_clock_sixty_times_as_fast_plays_it_in_twelve_seconds(noon: datetime) -> None:
    due = lifecycle.timetable("courier", placed_at=noon, speed=60.0)

    assert due[-1].due_at - noon == timedelta(seconds=12)


def test_an_order_is_late_half_a_minute_after_its_time_and_never_once_it_has_ended(
    noon: datetime,
) -> None:
    def is_late(seconds: int, status: str = "preparing") -> bool:
        return lifecycle.is_late(status=status, eta=noon, now=noon + timedelta(seconds=seconds))

    assert not is_late(30)
    assert is_late(31)
    assert not is_late(3600, "delivered")


def test_every_plan_ends_delivered() -> None:
    assert {plan[-1].status for plan in lifecycle.PLANS.values()} == {"delivered"}
