"""Many at once: nothing is sold twice, no step is taken twice. Each race has a twin that loses."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest
from django.db import connection
from django.db.models import F, QuerySet
from django.test.utils import CaptureQueriesContext

from catalog import stock
from catalog.models import StockItem
from catalog.stock import OutOfStock
from museo.access.callers import Caller
from museo.access.idempotency import Answer, KeyInFlight
from notifications import log
from notifications.models import Event
from orders import (
    adjustments,
    baskets,
    checkout,
    delays,
    deliveries,
    lateness,
    offers,
    services,
    tracking,
)
from orders.details import Details
from orders.holds import CheckoutInProgress
from orders.models import Order, OrderStep
from orders.payments import demo, settlement
from orders.payments.charges import Outcome
from orders.services import TakenStep
from orders.tracking import Placed
from tests.orders.conftest import ADDRESS, SellLamp
from tests.processes import eventually
from tests.together import at_once

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both]

Buy = Callable[..., Placed]
BUYERS, LEFT = 50, 10
STOCK_GUARDS = {"reserved_not_above_stock", "stock_not_negative"}


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> range:
    return range(20 if request.config.getoption("--long") else 2)


@pytest.fixture
def without_stock_constraints() -> Iterator[None]:
    """The last line of defence taken away, so that a twin can show what the first one does."""
    kept = StockItem._meta.constraints
    guards = [guard for guard in kept if guard.name in STOCK_GUARDS]
    for guard in guards:
        StockItem._meta.constraints = [
            other for other in StockItem._meta.constraints if other is not guard
        ]
        with connection.schema_editor() as editor:
            editor.remove_constraint(StockItem, guard)
    yield
    StockItem.objects.all().update(on_hand=0, reserved=0)
    for guard in guards:
        StockItem._meta.constraints = [*StockItem._meta.constraints, guard]
        with connection.schema_editor() as editor:
            editor.add_constraint(StockItem, guard)
    StockItem._meta.constraints = kept


def buyers(count: int, details: Details, now: datetime) -> list[Callable[[], Placed]]:
    """Guests with one lamp each in the basket, ready to pay."""
    tokens = [baskets.add(Caller(), sku="LAMP", quantity=1, now=now).token for _ in range(count)]
    return [
        partial(checkout.place, Caller(basket_token=token), details, now=now, speed=1.0)
        for token in tokens
    ]


def test_fifty_buyers_of_the_last_ten_get_ten_orders_and_forty_refusals(
    sell: SellLamp, details: Details, noon: datetime, rounds: range
) -> None:
    lamp = sell(on_hand=0)
    for _ in rounds:
        StockItem.objects.filter(variant=lamp).update(on_hand=F("on_hand") + LEFT)
        before = Order.objects.count()

        results = at_once(buyers(BUYERS, details, noon))

        assert Counter(type(result) for result in results) == {
            Placed: LEFT,
            OutOfStock: 40,
        }
        assert Order.objects.count() == before + LEFT
        item = StockItem.objects.get(variant=lamp)
        assert (item.on_hand, item.reserved) == (0, 0)


def test_without_the_condition_the_same_buyers_are_sold_too_many(
    sell: SellLamp,
    details: Details,
    noon: datetime,
    monkeypatch: pytest.MonkeyPatch,
    without_stock_constraints: None,
) -> None:
    sell(on_hand=LEFT)

    def promise_blindly(item: StockItem, quantity: int, *, own: int) -> None:
        StockItem.objects.filter(pk=item.pk).update(reserved=F("reserved") + quantity)

    monkeypatch.setattr(stock, "_promise", promise_blindly)
    at_once(buyers(BUYERS, details, noon))

    assert Order.objects.count() > LEFT


def test_two_clicks_with_one_key_buy_once(sell: SellLamp, noon: datetime, rounds: range) -> None:
    sell(on_hand=1000)
    body = {"email": "maya@example.org", "name": "Maya", "address": ADDRESS}
    for number in rounds:
        token = baskets.add(Caller(), sku="LAMP", quantity=1, now=noon).token
        click = partial(
            checkout.place_once,
            Caller(basket_token=token),
            body,
            key=f"key-{number}",
            now=noon,
            speed=1.0,
        )

        results = at_once([click] * 20)

        answers = [result for result in results if isinstance(result, Answer)]
        refusals = [result for result in results if not isinstance(result, Answer)]
        assert {answer.body["number"] for answer in answers} == {Order.objects.latest("pk").number}
        assert all(isinstance(refusal, KeyInFlight) for refusal in refusals)
        assert Order.objects.count() == number + 1


def test_two_clicks_without_a_key_buy_once_too(
    sell: SellLamp, details: Details, noon: datetime, rounds: range
) -> None:
    sell(on_hand=1000)
    for number in rounds:
        token = baskets.add(Caller(), sku="LAMP", quantity=1, now=noon).token
        click = partial(checkout.place, Caller(basket_token=token), details, now=noon, speed=1.0)

        results = at_once([click] * 10)

        assert sum(isinstance(result, Placed) for result in results) == 1
        refusals = [result for result in results if not isinstance(result, Placed)]
        assert {type(refusal) for refusal in refusals} <= {
            CheckoutInProgress,
            offers.BasketEmpty,
        }
        assert Order.objects.count() == number + 1


def place_orders(count: int, details: Details, now: datetime) -> None:
    for buy in buyers(count, details, now):
        buy()


def versions_of_all() -> set[tuple[int, ...]]:
    by_order: dict[str, list[int]] = {}
    for topic, version in (
        Event.objects.filter(topic__startswith="order.")
        .order_by("position")
        .values_list("topic", "version")
    ):
        by_order.setdefault(topic, []).append(version)
    return {tuple(versions) for versions in by_order.values()}


def test_four_ticks_at_once_take_every_step_once(
    sell: SellLamp, details: Details, noon: datetime, rounds: range
) -> None:
    sell(on_hand=1000)
    for number in rounds:
        place_orders(30, details, noon)

        results = at_once([partial(services.advance_due, now=noon + timedelta(hours=1))] * 4)

        assert all(isinstance(result, int) for result in results), results
        assert sum(result for result in results if isinstance(result, int)) <= 120
        services.advance_due(now=noon + timedelta(hours=1))
        assert Order.objects.filter(status="delivered").count() == 30 * (number + 1)
        assert versions_of_all() == {(1, 2, 3, 4, 5)}


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
def test_a_tick_that_began_before_another_ended_takes_the_step_that_follows(
    sell: SellLamp, details: Details, noon: datetime
) -> None:
    sell()
    place_orders(1, details, noon)
    later = noon + timedelta(hours=1)

    def slow_tick() -> int:
        # its view of the orders is fixed when it begins, and a second old when it locks them
        slow = Order.objects.due(later).extra(where=["pg_sleep(1) IS NOT NULL"])
        return services._advance(slow, now=later)

    def tick_meanwhile() -> int:
        eventually(lambda: "pg_sleep" in running_statements())
        return services._advance(Order.objects.due(later), now=later)

    assert at_once([slow_tick, tick_meanwhile]) == [1, 1]

    assert Order.objects.get().step == 2
    assert versions_of_all() == {(1, 2, 3)}


def running_statements() -> str:
    """What the database's other connections are doing at this moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(query, ';') FROM pg_stat_activity"
            " WHERE datname = current_database()"
            " AND state = 'active' AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone()[0] or ""


def test_ticks_that_read_first_and_write_later_take_steps_twice(
    sell: SellLamp, details: Details, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(on_hand=1000)
    place_orders(5, details, noon)

    def read_then_write(due: QuerySet[Order], now: datetime) -> list[TakenStep]:
        taken = []
        for order in due:
            step = order.steps.get(index=order.step + 1)
            if is_first_reader():
                other_tick()
            Order.objects.filter(pk=order.pk).update(
                status=step.status, step=step.index, next_step_at=None
            )
            taken.append(TakenStep(order, step.status, step.index, step.due_at))
        return taken

    seen: list[int] = []

    def is_first_reader() -> bool:
        seen.append(1)
        return len(seen) == 1

    def other_tick() -> None:
        # what another process does between this one's reading and writing
        for order in Order.objects.due(noon + timedelta(minutes=2)):
            step = OrderStep.objects.get(order=order, index=order.step + 1)
            tracking.tell(log.current(), order, status=step.status, step=step.index, now=noon)

    monkeypatch.setattr(services, "_take_at_once", read_then_write)
    monkeypatch.setattr(services, "_take_by_status", read_then_write)
    services.advance_due(now=noon + timedelta(minutes=2))

    assert versions_of_all() != {(1, 2)}


def test_after_the_head_only_the_log_is_written(
    sell: SellLamp, details: Details, staff: Caller, noon: datetime
) -> None:
    sell(on_hand=100)
    asking = replace(details, payment_token="needs_action")
    no = replace(details, payment_token="declined")

    def guest() -> Caller:
        return Caller(basket_token=baskets.add(Caller(), sku="LAMP", quantity=1, now=noon).token)

    def ask() -> str:
        with pytest.raises(checkout.PaymentActionRequired) as raised:
            checkout.place(guest(), asking, now=noon, speed=1.0)
        return str(raised.value.facts["payment_id"])

    def decline() -> None:
        with pytest.raises(checkout.PaymentDeclined):
            checkout.place(guest(), no, now=noon, speed=1.0)

    def hear() -> None:
        body, headers = demo.news(ask(), Outcome.CAPTURED)
        settlement.hear("demo", body, headers, now=noon, speed=1.0)

    on_invoice = replace(details, payment_provider="manual", payment_token="invoice")
    order, other = (checkout.place(guest(), details, now=noon, speed=1.0).order for _ in "12")
    owing = checkout.place(guest(), on_invoice, now=noon, speed=1.0).order
    told: list[Callable[[], object]] = [
        lambda: checkout.place(guest(), details, now=noon, speed=1.0),
        decline,
        ask,
        lambda: checkout.finish_payment(ask(), approved=True, now=noon, speed=1.0),
        hear,
        lambda: settlement.mark_paid(staff, owing.number, now=noon),
        lambda: services.advance(staff, order.number, to="confirmed", now=noon),
        lambda: adjustments.refund(staff, order.number, amount=1, now=noon),
        lambda: adjustments.cancel(staff, other.number, now=noon),
        lambda: delays.hold(staff, order.number, now=noon),
        lambda: delays.resume(staff, order.number, now=noon),
        lambda: delays.revise(staff, order.number, eta=noon + timedelta(hours=2), now=noon),
        lambda: deliveries.fail(staff, order.number, now=noon),
        lambda: deliveries.try_again(staff, order.number, now=noon, speed=1.0),
        lambda: lateness.tell_overdue(now=noon + timedelta(minutes=30)),
        lambda: services.advance_due(now=noon + timedelta(hours=1)),
    ]
    for service in told:
        with CaptureQueriesContext(connection) as captured:
            service()
        assert after_head(captured) == {"notifications_event", "notifications_eventtopic", "COMMIT"}


def after_head(captured: CaptureQueriesContext) -> set[str]:
    """The tables written after each move of the head, COMMIT, and whatever else there was."""
    found, is_after = set(), False
    for query in captured.captured_queries:
        sql = str(query["sql"])
        if is_after:
            written = re.search(r"(?:INSERT INTO|COPY) (\w+)", sql)
            found.add(written[1] if written else sql)
        if sql == "COMMIT":
            is_after = False
        if sql.startswith("UPDATE notifications_loghead"):
            is_after = True
    assert found, "no service moved the head"
    return found
