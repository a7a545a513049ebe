from museo.restarts import PAUSES, Streak


def test_a_process_that_ran_for_a_while_is_started_again_at_once() -> None:
    streak = Streak(4).after(lived=60)

    assert streak.pause == 0
    assert not streak.looks_broken


def test_the_first_quick_end_costs_no_pause() -> None:
    assert Streak().after(lived=0.1).pause == 0


def test_a_process_that_keeps_ending_is_started_ever_more_slowly() -> None:
    streak, pauses = Streak(), []
    for _ in range(len(PAUSES) + 2):
        streak = streak.after(lived=0.1)
        pauses.append(streak.pause)

    assert pauses == [*PAUSES, PAUSES[-1], PAUSES[-1]]


def test_three_quick_ends_in_a_row_look_broken_and_two_do_not() -> None:
    twice = Streak().after(lived=1).after(lived=1)

    assert not twice.looks_broken
    assert twice.after(lived=1).looks_broken
