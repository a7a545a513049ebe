"""Orders are cancelled and paid back: once, in time, and never more than was paid."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalog.models import StockItem, StockMovement
from museo.access.callers import Caller
from museo.access.models import IdempotencyKey, User
from museo.access.problems import Invalid, NotAllowed
from notifications import log
from notifications.models import Event
from orders import adjustments, payments, returns, services, tracking
from orders.adjustments import RefundTooLarge, TooLateToCancel
from orders.models import Adjustment, Order, Payment, Refund
from orders.payments.charges import PaidBack, RefundRequest
from orders.tracking import Placed, UnknownOrder
from tests.orders.conftest import SellLamp
from tests.together import at_once

pytestmark = pytest.mark.both_in_long

Buy = Callable[..., Placed]
# three lamps and the courier
TOTAL = 3 * 12900 + 390


@pytest.fixture
def placed(db: None, sell: SellLamp, buy: Buy) -> Placed:
    sell(on_hand=10)
    return buy(quantity=3)


@pytest.fixture
def owner(placed: Placed) -> Caller:
    return Caller(tickets=(placed.ticket,))


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> list[RefundRequest]:
    """What the demo provider is asked to pay back."""
    asked: list[RefundRequest] = []

    def refund(request: RefundRequest) -> PaidBack:
        asked.append(request)
        return payments.demo.refund(request)

    watched = replace(payments.PROVIDERS["demo"], refund=refund)
    monkeypatch.setitem(payments.PROVIDERS, "demo", watched)
    return asked


def refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = PaidBack(provider_reference="", error_code="too_old")
    no = replace(payments.PROVIDERS["demo"], refund=lambda _request: answer)
    monkeypatch.setitem(payments.PROVIDERS, "demo", no)


def on_hand() -> tuple[int, int]:
    item = StockItem.objects.get()
    return item.on_hand, item.reserved


def types_of(topic: str) -> list[str]:
    return list(
        Event.objects.filter(topic=topic).order_by("version").values_list("type", flat=True)
    )


def test_a_customer_cancels_and_gets_everything_back(
    placed: Placed, owner: Caller, provider: list[RefundRequest], noon: datetime
) -> None:
    order = adjustments.cancel(owner, placed.order.number, reason="Changed my mind", now=noon)

    assert (order.status, order.next_step_at, order.ended_at) == ("cancelled", None, noon)
    assert (order.payment_status, order.given_back) == ("refunded", TOTAL)
    assert on_hand() == (10, 0)
    assert [request.amount for request in provider] == [TOTAL]
    assert types_of(order.topic) == ["order.placed", "order.cancelled"]
    payment = Payment.objects.get()
    assert payment.refunded == TOTAL
    assert types_of(payment.topic) == ["payment.captured", "payment.refunded"]
    assert "mind" not in str(list(Event.objects.values("data")))
    assert services.advance_due(now=noon + timedelta(hours=1)) == 0


@pytest.mark.parametrize("amount", [None, 100])
def test_paying_back_asks_once_what_an_order_was_paid_by(
    placed: Placed, staff: Caller, noon: datetime, amount: int | None
) -> None:
    with CaptureQueriesContext(connection) as asked:
        adjustments.refund(staff, placed.order.number, amount=amount, now=noon)

    assert _read_payments(asked) == 1
    assert Refund.objects.get().amount == (amount or TOTAL)


def test_paying_for_what_came_back_asks_once_what_it_was_paid_by(
    placed: Placed, staff: Caller, noon: datetime
) -> None:
    with log.change() as change:
        tracking.hold_row(placed.order)
        with CaptureQueriesContext(connection) as asked:
            adjustments.give_back_units(
                change, staff, placed.order, {1: 1}, reason="", puts_back=True, now=noon
            )

    assert _read_payments(asked) == 1


def _read_payments(asked: CaptureQueriesContext) -> int:
    """How often it was read by which payment an order was paid."""
    by_state = [each["sql"] for each in asked if '"orders_payment"."state" IN' in each["sql"]]
    return len([sql for sql in by_state if sql.startswith("SELECT")])


def test_cancelling_again_changes_nothing(
    placed: Placed, owner: Caller, provider: list[RefundRequest], noon: datetime
) -> None:
    for _ in range(2):
        adjustments.cancel(owner, placed.order.number, now=noon)

    assert len(provider) == 1
    assert StockMovement.objects.filter(kind="return").count() == 1
    assert Adjustment.objects.count() == 1


@pytest.mark.parametrize(("minutes", "is_in_time"), [(1, True), (3, True), (5, False), (9, False)])
def test_customers_cancel_until_it_is_being_prepared_and_staff_until_it_arrives(
    placed: Placed,
    owner: Caller,
    staff: Caller,
    noon: datetime,
    minutes: int,
    is_in_time: bool,
) -> None:
    services.advance_due(now=noon + timedelta(minutes=minutes))
    number = placed.order.number
    assert (tracking.cancel_until(Order.objects.get()) is not None) == is_in_time

    if not is_in_time:
        with pytest.raises(TooLateToCancel):
            adjustments.cancel(owner, number, now=noon)
        assert not Adjustment.objects.exists()

    assert adjustments.cancel(staff, number, now=noon).status == "cancelled"
    # what has left the house does not come back by itself
    assert on_hand() == ((7 if minutes == 9 else 10), 0)


def test_what_has_arrived_or_is_somebody_elses_is_not_cancelled(
    placed: Placed, staff: Caller, noon: datetime
) -> None:
    with pytest.raises(UnknownOrder):
        adjustments.cancel(Caller(), placed.order.number, now=noon)
    services.advance_due(now=noon + timedelta(hours=1))
    with pytest.raises(TooLateToCancel):
        adjustments.cancel(staff, placed.order.number, now=noon)


def test_staff_pay_back_a_line_then_the_rest(placed: Placed, staff: Caller, noon: datetime) -> None:
    services.advance_due(now=noon + timedelta(hours=1))
    number = placed.order.number

    adjustments.refund(staff, number, units={1: 1}, puts_back=True, now=noon)

    order = Order.objects.get()
    assert (order.status, order.payment_status) == ("delivered", "partially_refunded")
    assert (order.given_back, on_hand()) == (12900, (8, 0))

    adjustments.refund(staff, number, reason="Broken", now=noon)

    order.refresh_from_db()
    assert (order.status, order.payment_status) == ("refunded", "refunded")
    assert order.given_back == Payment.objects.get().refunded == TOTAL
    assert types_of(order.topic)[-2:] == ["order.delivered", "order.refunded"]
    assert on_hand() == (8, 0)


def test_all_that_is_left_can_be_sold_again_if_staff_say_so(
    placed: Placed, owner: Caller, staff: Caller, noon: datetime
) -> None:
    services.advance_due(now=noon + timedelta(hours=1))
    number = placed.order.number
    returns.ask(owner, number, units={1: 1}, now=noon)

    kept = adjustments.refund(staff, number, puts_back=True, now=noon)

    # one more is on its way back
    assert kept.lines == [{"position": 1, "quantity": 2}]
    assert (Order.objects.get().given_back, on_hand()) == (TOTAL, (9, 0))


@pytest.mark.parametrize(
    ("wanted", "pointer"),
    [
        ({"amount": 500, "units": {1: 1}}, "/amount"),
        ({"amount": 500, "puts_back": True}, "/lines"),
    ],
)
def test_a_refund_is_not_of_one_thing_and_another(
    placed: Placed, staff: Caller, noon: datetime, wanted: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(Invalid) as raised:
        adjustments.refund(staff, placed.order.number, **wanted, now=noon)

    assert [error["pointer"] for error in raised.value.errors] == [pointer]
    assert not Adjustment.objects.exists()


@pytest.mark.parametrize(
    "wanted", [{"amount": TOTAL + 1}, {"amount": -1}, {"units": {1: 4}}, {"units": {1: -1}}]
)
def test_no_more_goes_back_than_was_paid(
    placed: Placed, staff: Caller, noon: datetime, wanted: dict[str, Any]
) -> None:
    with pytest.raises(RefundTooLarge):
        adjustments.refund(staff, placed.order.number, **wanted, now=noon)

    assert not Adjustment.objects.exists()
    assert Order.objects.get().given_back == 0


def test_nothing_goes_back_twice(
    placed: Placed, owner: Caller, staff: Caller, noon: datetime
) -> None:
    adjustments.cancel(owner, placed.order.number, now=noon)

    with pytest.raises(RefundTooLarge):
        adjustments.refund(staff, placed.order.number, now=noon)

    assert Adjustment.objects.count() == 1


def test_only_staff_pay_back(placed: Placed, owner: Caller, noon: datetime) -> None:
    with pytest.raises(NotAllowed):
        adjustments.refund(owner, placed.order.number, amount=1, now=noon)


def test_a_refund_the_provider_refuses_can_be_asked_for_again(
    placed: Placed, staff: Caller, noon: datetime, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    with monkeypatch.context() as context:
        refuses(context)
        order = adjustments.cancel(staff, placed.order.number, now=noon)

    assert (order.payment_status, order.given_back) == ("paid", 0)
    assert Refund.objects.get().state == "failed"
    assert types_of(Payment.objects.get().topic)[-1] == "payment.refund_failed"

    client.get(f"/t/{placed.ticket}")
    receipt = f"/orders/{order.number}/receipt"
    assert "aid back" not in client.get(receipt).content.decode()

    adjustments.refund(staff, order.number, now=noon)

    order.refresh_from_db()
    assert (order.status, order.payment_status) == ("cancelled", "refunded")
    assert client.get(receipt).content.decode().count("aid back") == 1


def test_a_refund_left_by_a_process_that_died_is_taken_up(
    placed: Placed,
    owner: Caller,
    noon: datetime,
    provider: list[RefundRequest],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(_refund: Refund, **_options: Any) -> bool:
        raise SystemExit

    with monkeypatch.context() as context:
        context.setattr(adjustments, "settle", die)
        with pytest.raises(SystemExit):
            adjustments.cancel(owner, placed.order.number, now=noon)
    assert Refund.objects.get().state == "requested"

    assert adjustments.settle_left(now=noon + timedelta(seconds=30)) == 0
    assert adjustments.settle_left(now=noon + timedelta(minutes=2)) == 1
    assert adjustments.settle_left(now=noon + timedelta(minutes=4)) == 0

    assert [request.reference for request in provider] == [Refund.objects.get().public_id]
    assert Order.objects.get().payment_status == "refunded"


@pytest.mark.usefixtures("committed")
def test_ten_who_cancel_at_once_cancel_once(
    placed: Placed, owner: Caller, provider: list[RefundRequest], noon: datetime
) -> None:
    number = placed.order.number

    answers = at_once([lambda: adjustments.cancel(owner, number, now=noon)] * 10)

    assert [answer.status for answer in answers if isinstance(answer, Order)] == ["cancelled"] * 10
    assert len(provider) == Adjustment.objects.count() == 1
    assert on_hand() == (10, 0)


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("turn", range(5))
def test_who_cancels_while_the_clock_strikes_is_before_or_after_it(
    placed: Placed, owner: Caller, noon: datetime, turn: int
) -> None:
    """The step after `confirmed` is due: either is right, but not half of each."""
    services.advance_due(now=noon + timedelta(minutes=3))
    now = noon + timedelta(minutes=5)
    actions: list[Callable[[], object]] = [
        lambda: adjustments.cancel(owner, placed.order.number, now=now),
        lambda: services.advance_due(now=now),
    ]

    at_once(actions[:: 1 if turn % 2 else -1])

    order = Order.objects.get()
    told = types_of(order.topic)
    if order.status == "cancelled":
        assert told == ["order.placed", "order.confirmed", "order.cancelled"]
        assert (order.payment_status, on_hand()) == ("refunded", (10, 0))
    else:
        assert told == ["order.placed", "order.confirmed", "order.preparing"]
        assert (order.payment_status, on_hand()) == ("paid", (7, 0))


@pytest.mark.usefixtures("committed")
def test_ten_refunds_at_once_give_back_no_more_than_was_paid(
    placed: Placed, staff: Caller, noon: datetime
) -> None:
    answers = at_once(
        [
            lambda: adjustments.refund(staff, placed.order.number, amount=TOTAL // 4, now=noon)
            for _ in range(10)
        ]
    )

    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert [type(error) for error in refused] == [RefundTooLarge] * 6
    assert Payment.objects.get().refunded == Order.objects.get().given_back == TOTAL // 4 * 4


def test_the_database_keeps_the_sums_and_what_was_decided(
    placed: Placed, owner: Caller, noon: datetime
) -> None:
    adjustments.cancel(owner, placed.order.number, now=noon)

    unkept_promises: list[Callable[[], int]] = [
        lambda: Order.objects.update(given_back=TOTAL + 1),
        lambda: Payment.objects.update(refunded=TOTAL + 1),
        lambda: placed.order.lines.update(taken_back=4),
    ]
    for unkept in unkept_promises:
        with pytest.raises(IntegrityError), transaction.atomic():
            unkept()
    with pytest.raises(DatabaseError), transaction.atomic():
        Adjustment.objects.update(amount=1)


def test_a_guest_cancels_over_rest_and_sees_it(placed: Placed, client: Client) -> None:
    path = f"/api/v1/orders/{placed.order.number}"
    headers = {"Authorization": f"Ticket {placed.ticket}"}
    assert client.get(path, headers=headers).json()["cancel_until"]

    def post(body: dict[str, str], **headers: str) -> Any:
        return client.post(f"{path}/cancel", body, "application/json", headers=headers)

    refused = post({"reason": "x" * 201}, **headers)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/reason")
    assert post({}).status_code == 404
    cancelled = post({}, **headers).json()

    assert (cancelled["status"], cancelled["cancel_until"]) == ("cancelled", None)
    [adjustment] = cancelled["adjustments"]
    assert adjustment["amount"] == {"amount": TOTAL, "currency": "EUR"}
    track = client.get(f"{path}/track", headers=headers).json()
    assert [step["state"] for step in track["steps"]] == ["done", *["skipped"] * 4]


def test_staff_refund_over_rest_once_for_a_key(
    placed: Placed, staff: Caller, client: Client
) -> None:
    path = f"/api/v1/admin/orders/{placed.order.number}/refund"
    client.force_login(User.objects.get())
    body = {"lines": [{"position": 1, "quantity": 1}], "reason": "Broken", "puts_back": True}

    def post(body: dict[str, Any], **headers: str) -> Any:
        return client.post(path, body, content_type="application/json", headers=headers)

    assert post(body).status_code == 400
    first, second = (post(body, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, first.json()["amount"]["amount"]) == (201, 12900)
    assert (second.json(), second["Idempotent-Replayed"]) == (first.json(), "true")
    too_much = post({"amount": TOTAL}, **{"Idempotency-Key": "l"})
    assert (too_much.status_code, too_much.json()["code"]) == (409, "refund_too_large")
    assert too_much.json()["left"] == TOTAL - 12900
    for lines in ([], body["lines"]):
        both = post({"lines": lines, "amount": 500}, **{"Idempotency-Key": "m"})
        assert both.status_code == 400
    assert on_hand() == (8, 0)


@pytest.mark.parametrize("number", ["%00", "ORD-" + "X" * 300])
def test_a_refund_of_no_order_keeps_no_key(staff: Caller, client: Client, number: str) -> None:
    client.force_login(User.objects.get())

    refused = client.post(
        f"/api/v1/admin/orders/{number}/refund",
        {},
        content_type="application/json",
        headers={"Idempotency-Key": "k"},
    )

    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_order")
    assert not IdempotencyKey.objects.exists()


def test_the_page_cancels_and_says_what_goes_back(placed: Placed, client: Client) -> None:
    client.get(f"/t/{placed.ticket}")
    page = f"/orders/{placed.order.number}"
    assert "Cancel the order" in client.get(page).content.decode()

    after = client.post(f"{page}/cancel", {"reason": ""}, follow=True)

    assert after.redirect_chain == [(page, 302)]
    text = after.content.decode()
    assert "goes back the way it was paid" in text
    assert "Cancel the order" not in text
    assert client.get(f"{page}/cancel").headers["Location"] == page


def test_a_page_that_is_too_old_to_cancel_says_why(
    placed: Placed, client: Client, noon: datetime
) -> None:
    client.get(f"/t/{placed.ticket}")
    services.advance_due(now=noon + timedelta(minutes=5))

    after = client.post(f"/orders/{placed.order.number}/cancel", follow=True)

    assert "too late to cancel" in after.content.decode()
