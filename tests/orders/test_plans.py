"""Plans are data, orders keep what their plan was, and a full slot promises the next one."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F

from museo.access.callers import Caller
from orders import adjustments, lifecycle, plans, services, slots
from orders.lifecycle import BadPlan, PlannedStep
from orders.models import Order, OrderStep, Plan, Slot
from orders.tracking import Placed
from tests.orders.conftest import SellLamp
from tests.together import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.both]

Buy = Callable[..., Placed]
MINUTE = timedelta(minutes=1)


def give_courier_slots(*, minutes: int, orders: int) -> None:
    Plan.objects.filter(code="courier").update(slot_minutes=minutes, orders_per_slot=orders)


def test_a_shop_begins_with_the_plans_of_four_ways_of_delivery() -> None:
    laid_out = {code: tuple(plans.find(code)[1]) for code in lifecycle.PLANS}

    assert laid_out == lifecycle.PLANS
    assert set(laid_out) == {"courier", "parcel", "pickup", "digital"}
    with pytest.raises(plans.UnknownPlan):
        plans.find("pigeon")


def test_a_plan_that_staff_have_changed_is_that_of_new_orders_only(
    sell: SellLamp, buy: Buy, noon: datetime
) -> None:
    sell()
    before = buy().order
    Plan.objects.get(code="courier").steps.filter(status="delivered").update(after_seconds=1800)

    after = buy().order

    assert [order.eta - noon for order in (before, after)] == [12 * MINUTE, 30 * MINUTE]
    assert after.promised_at == after.eta
    assert before.steps.get(status="delivered").due_at == noon + 12 * MINUTE


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [("confirmed", 60)],
        [("delivered", 60), ("confirmed", 120)],
        [("confirmed", 60), ("delivered", 60)],
        [("confirmed", 0), ("delivered", 60)],
        [("placed", 10), ("delivered", 60)],
        [("cancelled", 60), ("delivered", 90)],
    ],
)
def test_steps_that_no_order_can_take_are_no_plan(steps: list[tuple[str, int]]) -> None:
    with pytest.raises(BadPlan):
        lifecycle.check_plan([PlannedStep(to, timedelta(seconds=after)) for to, after in steps])


def test_the_plans_that_a_shop_begins_with_are_plans() -> None:
    for steps in lifecycle.PLANS.values():
        lifecycle.check_plan(steps)


def test_a_step_that_waits_is_left_to_staff_and_the_rest_comes_later_by_that(
    sell: SellLamp, buy: Buy, staff: Caller, noon: datetime
) -> None:
    sell()
    Plan.objects.get(code="courier").steps.filter(status="preparing").update(waits=True)
    order = buy().order

    assert services.advance_due(now=noon + 10 * MINUTE) == 1
    order = services.advance(staff, order.number, to="preparing", now=noon + 10 * MINUTE)

    assert order.next_step_at == noon + 14 * MINUTE
    assert order.eta == noon + 18 * MINUTE
    assert order.late_at == noon + 10 * MINUTE
    assert services.advance_due(now=noon + 18 * MINUTE) == 2


def test_a_full_slot_promises_the_next_one(sell: SellLamp, buy: Buy, noon: datetime) -> None:
    sell(on_hand=50)
    give_courier_slots(minutes=15, orders=2)

    promised = [buy().order.promised_at for _ in range(5)]

    assert promised == [
        *[noon + 12 * MINUTE] * 2,
        *[noon + 15 * MINUTE] * 2,
        noon + 30 * MINUTE,
    ]
    # it is confirmed at once, and the rest comes later
    last = Order.objects.latest("pk")
    assert [step.due_at - noon for step in last.steps.order_by("index")] == [
        2 * MINUTE,
        22 * MINUTE,
        26 * MINUTE,
        30 * MINUTE,
    ]
    assert list(Slot.objects.order_by("starts_at").values_list("taken", flat=True)) == [2, 2, 1]


def test_a_cancelled_order_leaves_its_place_to_another(
    sell: SellLamp, buy: Buy, staff: Caller, noon: datetime
) -> None:
    sell()
    give_courier_slots(minutes=15, orders=1)
    first = buy().order
    assert buy().order.promised_at == noon + 15 * MINUTE

    for _ in range(2):
        adjustments.cancel(staff, first.number, now=noon)

    assert buy().order.promised_at == noon + 12 * MINUTE
    assert list(Slot.objects.order_by("starts_at").values_list("taken", flat=True)) == [1, 1]


def test_many_full_slots_cost_as_few_queries_as_one(
    noon: datetime, django_assert_max_num_queries: Callable[..., object]
) -> None:
    Slot.objects.bulk_create(
        Slot(plan="courier", starts_at=noon + count * 15 * MINUTE, room=1, taken=1)
        for count in range(200)
    )

    with django_assert_max_num_queries(4):  # type: ignore[attr-defined]
        slot, promised_at = slots.take("courier", at=noon, length=15 * MINUTE, room=1)

    assert slot
    assert slot.starts_at == promised_at == noon + 200 * 15 * MINUTE


def test_beyond_the_last_slot_a_time_is_promised_all_the_same(
    noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "MOST_AHEAD", 1)
    taken = [slots.take("courier", at=noon, length=15 * MINUTE, room=1) for _ in range(2)]

    assert taken[1] == (None, noon + 15 * MINUTE)


def test_the_database_keeps_slots_from_being_overfull(noon: datetime) -> None:
    slot = Slot.objects.create(plan="courier", starts_at=noon, room=1, taken=1)

    with pytest.raises(IntegrityError), transaction.atomic():
        Slot.objects.filter(pk=slot.pk).update(taken=2)
    with pytest.raises(IntegrityError), transaction.atomic():
        Plan.objects.filter(code="courier").update(slot_minutes=15)


def take_at_once(noon: datetime, callers: int) -> list[datetime]:
    take = partial(in_transaction, noon)
    promised = at_once([take] * callers)
    return sorted(each for each in promised if isinstance(each, datetime))


def in_transaction(noon: datetime) -> datetime:
    with transaction.atomic():
        return slots.take("courier", at=noon, length=15 * MINUTE, room=5)[1]


@pytest.mark.usefixtures("committed")
def test_twenty_orders_at_once_fill_four_slots_of_five(noon: datetime) -> None:
    promised = take_at_once(noon, 20)

    assert promised == sorted(noon + count * 15 * MINUTE for count in range(4) for _ in range(5))
    assert set(Slot.objects.values_list("taken", "room")) == {(5, 5)}


@pytest.mark.usefixtures("committed")
def test_without_the_condition_more_are_promised_than_there_is_room_for(
    noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_blindly(plan: str, starts_at: datetime, room: int) -> bool:
        slot, _is_new = Slot.objects.get_or_create(
            plan=plan, starts_at=starts_at, defaults={"room": 1_000}
        )
        if slot.taken >= room:
            return False
        Slot.objects.filter(pk=slot.pk).update(taken=F("taken") + 1)
        return True

    monkeypatch.setattr(slots, "_take", take_blindly)
    # both look before either takes: what the condition is there for
    first = Slot.objects.create(plan="courier", starts_at=noon, room=1_000, taken=4)
    real_get = Slot.objects.get_or_create
    seen = [real_get(plan="courier", starts_at=noon) for _ in range(2)]
    monkeypatch.setattr(type(Slot.objects), "get_or_create", lambda *_args, **_kwargs: seen.pop())

    promised = [in_transaction(noon) for _ in range(2)]

    first.refresh_from_db()
    assert promised == [noon, noon]
    assert first.taken == 6


def test_steps_of_orders_are_copies(sell: SellLamp, buy: Buy) -> None:
    sell()
    Plan.objects.get(code="courier").steps.filter(status="delivered").update(waits=True)
    buy()

    assert list(OrderStep.objects.order_by("index").values_list("waits", flat=True)) == [
        False,
        False,
        False,
        True,
    ]
