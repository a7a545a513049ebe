"""The life of an order, as pure functions."""

from datetime import datetime, timedelta

from orders import lifecycle


def test_a_courier_order_takes_twelve_minutes_in_four_steps(noon: datetime) -> None:
    due = lifecycle.timetable(lifecycle.PLANS["courier"], placed_at=noon, speed=1.0)

    assert [(step.index, step.status, step.due_at - noon) for step in due] == [
        (1, "confirmed", timedelta(minutes=2)),
        (2, "preparing", timedelta(minutes=4)),
        (3, "out_for_delivery", timedelta(minutes=8)),
        (4, "delivered", timedelta(minutes=12)),
    ]


def test_a_clock_sixty_times_as_fast_plays_it_in_twelve_seconds(noon: datetime) -> None:
    due = lifecycle.timetable(lifecycle.PLANS["courier"], placed_at=noon, speed=60.0)

    assert due[-1].due_at - noon == timedelta(seconds=12)


def test_a_promise_is_missed_by_more_than_half_a_minute(noon: datetime) -> None:
    def is_missed(seconds: int) -> bool:
        eta = noon + timedelta(seconds=seconds)
        return lifecycle.misses_promise(eta=eta, promised_at=noon)

    assert not is_missed(30)
    assert is_missed(31)


def test_what_waits_for_its_slot_is_confirmed_at_once(noon: datetime) -> None:
    due = lifecycle.timetable(
        lifecycle.PLANS["courier"], placed_at=noon, speed=1.0, wait=timedelta(minutes=30)
    )

    assert [(step.due_at - noon) // timedelta(minutes=1) for step in due] == [2, 34, 38, 42]


def test_every_plan_ends_delivered() -> None:
    assert {plan[-1].status for plan in lifecycle.PLANS.values()} == {"delivered"}
