"""Orders move by the clock and by staff, each step once."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from museo.access.callers import Caller, caller_for_user
from museo.access.models import User
from museo.access.problems import NotAllowed
from notifications.models import Event
from orders import services, tracking
from orders.models import Order
from orders.tracking import Placed, UnknownOrder, track
from tests.orders.conftest import SellLamp

pytestmark = [pytest.mark.django_db, pytest.mark.both]

Buy = Callable[..., Placed]


def types_of(order: Order) -> list[tuple[int, str]]:
    return list(
        Event.objects.filter(topic=order.topic).order_by("version").values_list("version", "type")
    )


def test_nothing_moves_before_its_time(sell: SellLamp, buy: Buy, noon: datetime) -> None:
    sell()
    buy()

    assert services.advance_due(now=noon + timedelta(seconds=119)) == 0


def test_each_step_is_taken_when_it_is_due(sell: SellLamp, buy: Buy, noon: datetime) -> None:
    sell()
    order = buy().order

    for minutes, status in [
        (2, "confirmed"),
        (4, "preparing"),
        (8, "out_for_delivery"),
        (12, "delivered"),
    ]:
        now = noon + timedelta(minutes=minutes)
        assert services.advance_due(now=now) == 1
        order.refresh_from_db()
        assert order.status == status
        assert order.steps.get(index=order.step).at == now

    assert (order.next_step_at, order.ended_at) == (None, noon + timedelta(minutes=12))
    assert types_of(order) == [
        (1, "order.placed"),
        (2, "order.confirmed"),
        (3, "order.preparing"),
        (4, "order.out_for_delivery"),
        (5, "order.delivered"),
    ]


def test_a_clock_that_stood_still_catches_up_every_step_in_order(
    sell: SellLamp, buy: Buy, noon: datetime
) -> None:
    sell(on_hand=20)
    orders = [buy().order for _ in range(3)]

    assert services.advance_due(now=noon + timedelta(hours=1)) == 12

    for order in orders:
        assert [version for version, _type in types_of(order)] == [1, 2, 3, 4, 5]
    delivered = Event.objects.get(topic=orders[0].topic, version=5)
    assert delivered.at == noon + timedelta(hours=1)
    assert delivered.data["planned_at"] == "2026-11-20T12:12:00.000Z"


def test_a_tick_stops_when_its_time_is_over_and_the_next_goes_on(
    sell: SellLamp, buy: Buy, noon: datetime
) -> None:
    sell()
    buy()
    later = noon + timedelta(hours=1)

    assert services.advance_due(now=later, is_time_left=lambda: False) == 1
    assert services.advance_due(now=later) == 3


def test_track_says_what_is_done_current_and_upcoming(
    sell: SellLamp, buy: Buy, noon: datetime
) -> None:
    sell()
    order = buy().order
    now = noon + timedelta(minutes=4)
    services.advance_due(now=now)

    body = track(order, locale="en", now=now)

    assert [(step["code"], step["state"]) for step in body["steps"]] == [
        ("placed", "done"),
        ("confirmed", "done"),
        ("preparing", "current"),
        ("out_for_delivery", "upcoming"),
        ("delivered", "upcoming"),
    ]
    assert (body["status"], body["step"], body["version"]) == ("preparing", 2, 3)
    assert body["position"] == Event.objects.get(topic=order.topic, version=3).position
    assert body["now"] == "2026-11-20T12:04:00.000Z"


def test_staff_take_the_next_step_early_and_no_other(
    sell: SellLamp, buy: Buy, staff: Caller, noon: datetime
) -> None:
    sell()
    order = buy().order

    with pytest.raises(services.CannotAdvance) as raised:
        services.advance(staff, order.number, to="delivered", now=noon)
    assert raised.value.facts == {"next_status": "confirmed"}
    moved = services.advance(staff, order.number, to="confirmed", now=noon)

    assert (moved.status, moved.step) == ("confirmed", 1)
    # the clock goes on from there
    assert moved.next_step_at == noon + timedelta(minutes=4)
    assert [version for version, _type in types_of(order)] == [1, 2]


def test_an_ended_order_goes_no_further(
    sell: SellLamp, buy: Buy, staff: Caller, noon: datetime
) -> None:
    sell()
    order = buy().order
    services.advance_due(now=noon + timedelta(hours=1))

    with pytest.raises(services.CannotAdvance):
        services.advance(staff, order.number, to="delivered", now=noon)


def test_only_staff_move_orders_and_strangers_do_not_even_see_them(
    sell: SellLamp, buy: Buy, noon: datetime
) -> None:
    sell()
    placed = buy()

    with pytest.raises(NotAllowed):
        services.advance(
            Caller(tickets=(placed.ticket,)),
            placed.order.number,
            to="confirmed",
            now=noon,
        )
    with pytest.raises(UnknownOrder):
        services.advance(Caller(), placed.order.number, to="confirmed", now=noon)
    assert types_of(placed.order) == [(1, "order.placed")]


def test_a_tick_costs_the_same_queries_for_one_order_and_for_twenty(
    sell: SellLamp,
    buy: Buy,
    noon: datetime,
    django_assert_max_num_queries: Callable[..., object],
) -> None:
    sell(on_hand=100)
    for _ in range(20):
        buy()

    with django_assert_max_num_queries(16):  # type: ignore[attr-defined]
        assert services.advance_due(now=noon + timedelta(minutes=2)) == 20


def test_a_ticket_opens_its_order_until_thirty_days_after_its_end(
    sell: SellLamp, buy: Buy, noon: datetime
) -> None:
    sell()
    placed, running = buy(), buy()
    services.advance_due(now=noon + timedelta(hours=1))
    Order.objects.filter(pk=running.order.pk).update(ended_at=None)
    guest = Caller(tickets=(placed.ticket, running.ticket))
    ended = noon + timedelta(hours=1)

    assert tracking.expire_tickets(now=ended + timedelta(days=30)) == 0
    assert tracking.find(guest, placed.order.number)
    assert tracking.expire_tickets(now=ended + timedelta(days=30, seconds=1)) == 1
    with pytest.raises(UnknownOrder):
        tracking.find(guest, placed.order.number)
    assert tracking.find(guest, running.order.number)


@pytest.mark.both
def test_many_callers_at_once_may_read_what_each_may_alone(
    sell: SellLamp, buy: Buy, staff: Caller, noon: datetime
) -> None:
    sell(on_hand=9)
    one, two = buy(), buy()
    owner = User.objects.create_user("owner@example.org")
    Order.objects.filter(pk=two.order.pk).update(user=owner)
    names = {one.order.topic, two.order.topic, "order.ORD-NONE"}
    callers = [
        Caller(),
        Caller(tickets=(one.ticket,)),
        Caller(tickets=(one.ticket, two.ticket, "made-up")),
        caller_for_user(owner, locale="en"),
        staff,
        Caller(is_staff=True),
    ]

    together = tracking.may_read([(caller, names) for caller in callers])

    assert together == [
        {order.topic for order in Order.objects.visible_to(caller)} for caller in callers
    ]
    assert [len(found) for found in together] == [0, 1, 2, 1, 2, 0]
