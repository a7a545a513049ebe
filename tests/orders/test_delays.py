"""Orders that come at another time: revised, on hold, late; told once and in the open."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from museo.access.callers import Caller
from museo.access.problems import Invalid, NotAllowed
from notifications.models import Event
from orders import adjustments, delays, deliveries, lateness, services, tracking
from orders.models import Order, Plan
from orders.tracking import Placed, UnknownOrder, track
from tests.orders.conftest import SellLamp
from tests.together import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.both]

Buy = Callable[..., Placed]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def order(sell: SellLamp, buy: Buy) -> Order:
    sell(on_hand=60)
    return buy().order


@pytest.fixture
def waiting(sell: SellLamp, buy: Buy, noon: datetime) -> Order:
    """It is confirmed, and nobody prepares it: due at 12:04."""
    sell(on_hand=60)
    Plan.objects.get(code="courier").steps.filter(status="preparing").update(waits=True)
    order = buy().order
    services.advance_due(now=noon + 3 * MINUTE)
    return order


def due_times(order: Order, noon: datetime) -> list[float]:
    steps = order.steps.order_by("index")
    return [(step.due_at - noon).total_seconds() / 60 for step in steps]


def new_times(order: Order) -> list[dict[str, Any]]:
    events = Event.objects.filter(topic=order.topic, type="order.eta_changed").order_by("version")
    return [event.data for event in events]


def test_staff_say_when_an_order_comes_and_its_steps_move_along(
    order: Order, staff: Caller, noon: datetime
) -> None:
    services.advance_due(now=noon + 2 * MINUTE)

    revised = delays.revise(staff, order.number, eta=noon + 20 * MINUTE, now=noon + 2 * MINUTE)

    assert due_times(order, noon) == [2, 12, 16, 20]
    assert revised.next_step_at == noon + 12 * MINUTE
    assert (revised.promised_at, revised.eta) == (noon + 12 * MINUTE, noon + 20 * MINUTE)
    [told] = new_times(order)
    assert (told["eta"], told["late"], told["reason"], told["status"]) == (
        "2026-11-20T12:20:00.000Z",
        True,
        "revised",
        "confirmed",
    )
    body = track(Order.objects.get(), locale="en", now=noon)
    assert (body["late"], body["eta"], body["promised_at"]) == (
        True,
        "2026-11-20T12:20:00.000Z",
        "2026-11-20T12:12:00.000Z",
    )


def test_an_earlier_time_never_moves_a_step_into_the_past(
    order: Order, staff: Caller, noon: datetime
) -> None:
    now = noon + MINUTE

    revised = delays.revise(staff, order.number, eta=noon + 5 * MINUTE, now=now)

    assert due_times(order, noon) == [1, 1, 1, 5]
    assert revised.late_at is None


def test_a_promise_that_is_kept_after_all_is_not_late(
    order: Order, staff: Caller, noon: datetime
) -> None:
    delays.revise(staff, order.number, eta=noon + 20 * MINUTE, now=noon)
    delays.revise(staff, order.number, eta=noon + 12 * MINUTE, now=noon)

    assert [told["late"] for told in new_times(order)] == [True, False]
    assert Order.objects.get().late_at is None


@pytest.mark.parametrize("minutes", [-1, 0, 60 * 24 * 400])
def test_a_time_that_cannot_be_is_refused(
    order: Order, staff: Caller, noon: datetime, minutes: int
) -> None:
    with pytest.raises(Invalid):
        delays.revise(staff, order.number, eta=noon + minutes * MINUTE, now=noon)
    assert not new_times(order)


def test_a_held_order_stands_still_and_its_steps_shift_by_the_pause(
    order: Order, staff: Caller, noon: datetime
) -> None:
    services.advance_due(now=noon + 2 * MINUTE)

    held = delays.hold(staff, order.number, now=noon + 3 * MINUTE)

    assert (held.held_at, held.next_step_at) == (noon + 3 * MINUTE, None)
    assert services.advance_due(now=noon + 60 * MINUTE) == 0
    assert lateness.tell_overdue(now=noon + 60 * MINUTE) == 0
    assert track(held, locale="en", now=noon)["held"] is True
    with pytest.raises(services.CannotAdvance):
        services.advance(staff, order.number, to="preparing", now=noon + 4 * MINUTE)

    resumed = delays.resume(staff, order.number, now=noon + 8 * MINUTE)

    assert due_times(order, noon) == [2, 9, 13, 17]
    assert (resumed.held_at, resumed.next_step_at) == (None, noon + 9 * MINUTE)
    assert resumed.eta == noon + 17 * MINUTE
    assert [(told["reason"], told["held"], told["late"]) for told in new_times(order)] == [
        ("held", True, False),
        ("resumed", False, True),
    ]
    assert services.advance_due(now=noon + 17 * MINUTE) == 3


def test_an_order_is_not_held_twice_nor_after_its_end(
    order: Order, staff: Caller, noon: datetime
) -> None:
    with pytest.raises(delays.CannotBeHeld):
        delays.resume(staff, order.number, now=noon)
    delays.hold(staff, order.number, now=noon)
    with pytest.raises(delays.CannotBeHeld):
        delays.hold(staff, order.number, now=noon)
    cancelled = adjustments.cancel(staff, order.number, now=noon)

    assert cancelled.held_at is None
    for act in (delays.hold, delays.resume):
        with pytest.raises(delays.CannotBeHeld):
            act(staff, order.number, now=noon)
    with pytest.raises(delays.HasEnded):
        delays.revise(staff, order.number, eta=noon + MINUTE, now=noon)


def test_the_database_lets_no_held_order_move(order: Order, noon: datetime) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Order.objects.update(held_at=noon)


def test_only_staff_who_may_change_orders_set_their_time(
    sell: SellLamp, buy: Buy, noon: datetime
) -> None:
    sell()
    placed = buy()
    owner = Caller(tickets=(placed.ticket,))
    acts: list[Callable[..., object]] = [
        delays.hold,
        delays.resume,
        partial(delays.revise, eta=noon + MINUTE),
        deliveries.fail,
        partial(deliveries.try_again, speed=1.0),
        partial(services.advance, to="confirmed"),
    ]
    for act in acts:
        with pytest.raises(NotAllowed):
            act(owner, placed.order.number, now=noon)
        with pytest.raises(UnknownOrder):
            act(Caller(), placed.order.number, now=noon)
    assert Event.objects.filter(topic=placed.order.topic).count() == 1


# late


def test_a_step_that_nobody_takes_makes_its_order_late_once(waiting: Order, noon: datetime) -> None:
    due = noon + 4 * MINUTE
    assert lateness.tell_overdue(now=due + timedelta(seconds=30)) == 0

    now = due + timedelta(seconds=31)
    assert lateness.tell_overdue(now=now) == 1
    for _ in range(3):
        assert lateness.tell_overdue(now=now + 60 * MINUTE) == 0

    [told] = new_times(waiting)
    assert (told["late"], told["reason"]) == (True, "overdue")
    assert told["eta"] == "2026-11-20T12:12:31.000Z"
    order = Order.objects.get()
    assert (order.late_at, order.eta - noon) == (now, timedelta(minutes=12, seconds=31))
    body = track(order, locale="en", now=now)
    assert (body["late"], body["eta"]) == (True, told["eta"])
    assert body["steps"][-1]["due_at"] == told["eta"]


def test_an_order_that_ended_is_late_no_more(waiting: Order, staff: Caller, noon: datetime) -> None:
    now = noon + 6 * MINUTE
    lateness.tell_overdue(now=now)
    services.advance(staff, waiting.number, to="preparing", now=now)
    services.advance_due(now=now + 30 * MINUTE)

    order = Order.objects.get()
    assert (order.status, track(order, locale="en", now=now)["late"]) == ("delivered", False)
    assert order.late_at == now
    delivered = Event.objects.get(topic=order.topic, type="order.delivered")
    assert delivered.data["late"] is False


def test_late_is_half_a_minute_of_real_time_however_fast_the_clock(
    sell: SellLamp, noon: datetime, details: Any
) -> None:
    from orders import baskets, checkout

    sell()
    token = baskets.add(Caller(), sku="LAMP", quantity=1, now=noon).token
    checkout.place(Caller(basket_token=token), details, now=noon, speed=60.0)

    # the first step was due after two seconds
    assert lateness.tell_overdue(now=noon + timedelta(seconds=32)) == 0
    assert lateness.tell_overdue(now=noon + timedelta(seconds=33)) == 1


def test_many_late_orders_cost_as_many_queries_as_one(
    order: Order, buy: Buy, noon: datetime
) -> None:
    later = noon + 10 * MINUTE

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert lateness.tell_overdue(now=later)
        return len(captured)

    one = queries()
    for _ in range(20):
        buy()
    assert queries() <= one + 1

    assert Order.objects.filter(late_at=None).count() == 0


def test_looking_for_late_orders_costs_one_query_when_there_are_none(
    order: Order, noon: datetime, django_assert_num_queries: Callable[..., Any]
) -> None:
    with django_assert_num_queries(1):
        lateness.tell_overdue(now=noon)


def test_a_round_stops_when_its_time_is_over(
    order: Order, buy: Buy, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lateness, "BATCH", 2)
    for _ in range(4):
        buy()
    later = noon + 10 * MINUTE

    assert lateness.tell_overdue(now=later, is_time_left=lambda: False) == 2
    assert lateness.tell_overdue(now=later) == 3


@pytest.mark.usefixtures("committed")
def test_four_rounds_at_once_tell_of_each_late_order_once(
    order: Order, buy: Buy, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lateness, "BATCH", 7)
    for _ in range(29):
        buy()
    later = noon + 10 * MINUTE

    results = at_once([lambda: lateness.tell_overdue(now=later)] * 4)

    assert sum(each for each in results if isinstance(each, int)) <= 30, results
    lateness.tell_overdue(now=later)
    told = Event.objects.filter(type="order.eta_changed").values_list("topic", flat=True)
    assert len(told) == len(set(told)) == 30


@pytest.mark.usefixtures("committed")
def test_rounds_that_look_first_and_write_later_tell_twice(
    order: Order, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = noon + 10 * MINUTE
    # both have looked before either wrote, and neither locks
    seen = list(Order.objects.overdue(later).values_list("pk", flat=True))

    def tell_blindly() -> None:
        from notifications import log

        with log.change() as change:
            lateness._move_back(seen, later)
            for late in Order.objects.filter(pk__in=seen):
                tracking.tell_new_time(change, late, reason="overdue", now=later)

    for _ in range(2):
        tell_blindly()

    assert len(new_times(order)) == 2


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("turn", range(4))
def test_who_holds_an_order_while_the_clock_strikes_is_before_or_after_it(
    order: Order, staff: Caller, noon: datetime, turn: int
) -> None:
    now = noon + 2 * MINUTE
    acts: list[Callable[[], object]] = [
        lambda: delays.hold(staff, order.number, now=now),
        lambda: services.advance_due(now=now),
        lambda: lateness.tell_overdue(now=now + 9 * MINUTE),
    ]

    results = at_once(acts[:: 1 if turn % 2 else -1])

    assert not [each for each in results if isinstance(each, Exception)]
    held = Order.objects.get()
    assert (held.held_at, held.next_step_at) == (now, None)
    told = Event.objects.filter(topic=order.topic, type="order.confirmed").count()
    assert held.step == told


# a delivery that failed


def test_a_delivery_that_failed_is_tried_again_from_the_start(
    order: Order, staff: Caller, noon: datetime
) -> None:
    services.advance_due(now=noon + 9 * MINUTE)

    failed = deliveries.fail(staff, order.number, reason="Nobody at home", now=noon + 9 * MINUTE)

    assert (failed.status, failed.next_step_at, failed.ended_at) == (
        "failed",
        None,
        noon + 9 * MINUTE,
    )
    assert [note.text for note in failed.notes.all()] == ["Nobody at home"]
    assert services.advance_due(now=noon + 60 * MINUTE) == 0
    with pytest.raises(deliveries.CannotFail):
        deliveries.fail(staff, order.number, now=noon)

    again = deliveries.try_again(staff, order.number, now=noon + 30 * MINUTE, speed=1.0)

    assert (again.status, again.step, again.ended_at, again.late_at) == ("placed", 0, None, None)
    assert again.promised_at == again.eta == noon + 42 * MINUTE
    assert services.advance_due(now=noon + 42 * MINUTE) == 4
    assert Order.objects.get().status == "delivered"


def test_what_was_not_failed_or_was_paid_back_is_not_tried_again(
    order: Order, staff: Caller, noon: datetime
) -> None:
    with pytest.raises(deliveries.CannotTryAgain):
        deliveries.try_again(staff, order.number, now=noon, speed=1.0)
    deliveries.fail(staff, order.number, now=noon)
    adjustments.refund(staff, order.number, now=noon)

    with pytest.raises(deliveries.CannotTryAgain):
        deliveries.try_again(staff, order.number, now=noon, speed=1.0)
    assert Order.objects.get().status == "failed"


def test_the_audit_holds_of_orders_that_failed_and_began_anew(
    order: Order, buy: Buy, staff: Caller, noon: datetime
) -> None:
    from notifications.audit import broken
    from orders.audit import INVARIANTS

    Plan.objects.filter(code="courier").update(slot_minutes=15, orders_per_slot=1)
    other = buy().order
    for _ in range(2):
        for number in (order.number, other.number):
            services.advance_due(now=noon + 9 * MINUTE)
            deliveries.fail(staff, number, now=noon + 9 * MINUTE)
            deliveries.try_again(staff, number, now=noon + 9 * MINUTE, speed=1.0)
    deliveries.fail(staff, other.number, now=noon + 9 * MINUTE)

    assert broken(INVARIANTS, now=noon) == []
